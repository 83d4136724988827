package ahb

import (
	"time"

	"github.com/marktbote/marktbote/formats"
)

// isSummer reports whether legal German time is summer time at the German midnight or gas day start that the instant
// means: the tables of the handbooks give days, and both starts of a day have the offset that the instant itself has.
//
// Spec: Allgemeine Festlegungen 6.1 3.5, 3.6 (conditions 490, 491)
func isSummer(unix int64) bool { return time.Unix(unix, 0).In(formats.Berlin).IsDST() }
