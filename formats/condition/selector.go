package condition

import (
	"errors"
	"fmt"
	"strings"
)

func isGroup(word string) bool {
	if len(word) < 3 || len(word) > 4 || word[:2] != "SG" {
		return false
	}
	for i := 2; i < len(word); i++ {
		if word[i] < '0' || word[i] > '9' {
			return false
		}
	}
	return true
}

func isTag(word string) bool {
	if len(word) != 3 {
		return false
	}
	for i := range 3 {
		if word[i] < 'A' || word[i] > 'Z' {
			return false
		}
	}
	return true
}

// selectorAhead reports whether a selector follows.
func (p *parser) selectorAhead() bool {
	word := p.peekWord()
	switch word {
	case "self", "msg", "tx":
		return strings.HasPrefix(p.text[p.at+len(word):], ":")
	case "other":
		return true
	}
	return isGroup(word) || isTag(word)
}

func (p *parser) selector() (*Selector, error) {
	s := &Selector{}
	word := p.peekWord()
	if strings.HasPrefix(p.text[p.at+len(word):], ":") {
		switch {
		case word == "self":
			s.Scope = ScopeSelf
		case word == "tx":
			s.Scope = ScopeTransaction
		case word == "msg":
			s.Scope = ScopeMessage
		case isGroup(word):
			s.Scope, s.Group = ScopeGroup, word
		}
		if s.Scope != ScopeDefault {
			p.at += len(word) + 1
		}
	}
	for {
		step, err := p.step()
		if err != nil {
			return nil, err
		}
		s.Steps = append(s.Steps, step)
		if s.Scope == ScopeSelf && (step.Segment == nil || len(s.Steps) > 1) {
			return nil, errors.New("self: is followed by one segment")
		}
		if !p.has("/") {
			return s, nil
		}
		if step.Segment != nil {
			return nil, errors.New("nothing stands below a segment")
		}
	}
}

func (p *parser) step() (Step, error) {
	var s Step
	s.Other = p.word("other")
	word := p.peekWord()
	switch {
	case isGroup(word):
		p.at += len(word)
		s.Group = word
		if p.has("[") {
			where, err := p.predicate()
			if err != nil {
				return s, err
			}
			s.Where = where
			return s, p.expect("]")
		}
		return s, nil
	case isTag(word[:min(len(word), 3)]) && !s.Other:
		p.at += 3
		pattern, err := p.pattern(word[:3])
		s.Segment = pattern
		return s, err
	}
	return s, fmt.Errorf("expected a group or a segment, found %q", word)
}

// pattern reads what stands behind the tag.
func (p *parser) pattern(tag string) (*Pattern, error) {
	pattern := &Pattern{Tag: tag}
	for p.has("+") {
		var element []Component
		for {
			c, err := p.component()
			if err != nil {
				return nil, err
			}
			element = append(element, c)
			if !p.has(":") {
				break
			}
		}
		pattern.Elements = append(pattern.Elements, element)
	}
	return pattern, nil
}

func (p *parser) component() (Component, error) {
	var c Component
	c.Not = p.has("!")
	for {
		a, ok, err := p.alternative()
		if err != nil {
			return c, err
		}
		if !ok {
			if c.Not || len(c.Alts) > 0 {
				return c, errors.New("expected a value")
			}
			return c, nil
		}
		c.Alts = append(c.Alts, a)
		if !p.has(",") {
			return c, nil
		}
	}
}

// alternative reads one value; ok is false if there is none.
func (p *parser) alternative() (a Alternative, ok bool, err error) {
	if p.has("{") {
		if p.depth++; p.depth > maxDepth {
			return a, false, errors.New("nested too deeply")
		}
		defer func() { p.depth-- }()
		a.Ref, err = p.operand()
		if err == nil {
			err = p.expect("}")
		}
		return a, true, err
	}
	var text []byte
	for p.at < len(p.text) {
		b := p.text[p.at]
		if b == '?' && p.at+1 < len(p.text) {
			text = append(text, p.text[p.at+1])
			p.at += 2
			continue
		}
		if strings.IndexByte("+:,'{}![]()/@ =<>", b) >= 0 {
			break
		}
		if b == '*' {
			a.Glob = true
			b = Wild
		}
		text = append(text, b)
		p.at++
	}
	switch {
	case len(text) == 0:
		return a, false, nil
	case string(text) == string(rune(Wild)):
		return Alternative{Any: true}, true, nil
	case string(text) == "-":
		return Alternative{Empty: true}, true, nil
	}
	a.Text = string(text)
	return a, true, nil
}
