//go:build !race

package wire

const racing = 0
