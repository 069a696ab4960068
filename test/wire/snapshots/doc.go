// Package snapshots judges package wire by the snapshots that the modules of
// aws-sdk-go-v2 ship: every request, answer and error they know of, as the SDK
// writes and reads it. A snapshot must come through our codec unchanged, or
// stand in known.txt with the reason.
package snapshots
