// Package explain annotates an interchange segment by segment, for a person who does not have the message description
// at hand: what each segment and data element is called and what its value means, which rule applies to it, and which
// findings the check has at that place.
//
//	page, err := explain.File(file, explain.Options{At: time.Now()})
//	if err != nil {
//		return err // the file could not be read; nothing is said about its content
//	}
//	err = explain.WriteText(os.Stdout, page, explain.TextOptions{}) // or explain.WriteHTML(os.Stdout, page)
//
// The judgement is that of package check, which hands out every message with the places of its segments (package mig);
// here they are put into words and the findings set beside them. What is kept is text and bounded: of a large file the
// page shows the first segments and all findings.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 6 (status and conditions of the columns)
package explain

import (
	"io"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/rules"
)

// The limits of a page. A message of the market rarely has more than 3,000 segments; what is beyond the limits is
// checked all the same, and its findings are listed.
const (
	maxMessageSegments = 5_000  // explained of one message
	maxSegments        = 20_000 // explained of the file
	maxTransactions    = 500    // listed in the summary
	maxElements        = 100    // data elements of one segment; message descriptions have up to 30
	maxRaw             = 4_000  // characters shown of one segment; the longest allowed one has about 3,000
	maxValue           = 512    // characters shown of one data element; the longest format is an..512
	maxConditions      = 40     // put into words for one segment
	maxAllowed         = 40     // codes listed for one data element
)

// Options say how to check and explain.
type Options struct {
	At            time.Time             // as in check.Options
	FormatVersion formats.FormatVersion // as in check.Options
	Rules         *rules.Shelf          // nil: the embedded packs
	Lang          formats.Lang          // of the texts; German if empty. Names of segments, elements and codes are German
	File          string                // name of the file, for the title
}

// File checks an interchange and explains it. The error is not nil only if src fails.
func File(src io.Reader, opts Options) (*Interchange, error) {
	if opts.Lang == "" {
		opts.Lang = formats.German
	}
	if opts.Rules == nil {
		opts.Rules = rules.Embedded()
	}
	both := &ends{src: src}
	b := &builder{opts: opts, words: words{opts.Lang == formats.English}, ends: both}
	result, err := check.File(both, check.Options{
		At: opts.At, FormatVersion: opts.FormatVersion, Rules: opts.Rules, Lang: opts.Lang, OnMessage: b.message,
	})
	if err != nil {
		return nil, err
	}
	result.File = opts.File
	return b.finish(result), nil
}
