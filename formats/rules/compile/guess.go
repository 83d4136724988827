package compile

// guess translates a text by the sentence patterns that recur in the handbooks. What it returns has not been
// reviewed by anyone, so only patterns with one meaning are here.
func guess(string) (string, bool) { return "", false }
