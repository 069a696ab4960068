//go:build race

package pattern

func init() { raced = true } // pools forget on purpose then
