package detect

// Take returns the findings that are new or were seen again, with what was seen
// since the last Take, and forgets all findings. It is for whoever keeps findings
// elsewhere and adds up what comes.
func (e *Engine) Take() []*Finding {
	var out []*Finding
	for f := range e.Changed() {
		out = append(out, f)
	}
	clear(e.findings)
	return out
}
