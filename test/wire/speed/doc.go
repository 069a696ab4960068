// Package speed measures package wire beside the generated codec of
// aws-sdk-go-v2, in one run: go test -bench . ./speed
package speed
