package condition

// Describe says in words what a rule demands; lang is de or en.
func Describe(r *Rule, lang string) string { return "" }
