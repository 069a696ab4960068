// Package wire holds the judges of package bartizan.dev/wire that need more
// than the standard library, as a module of their own: the snapshots of
// aws-sdk-go-v2 (snapshots), Smithy's protocol tests (smithy), and benchmarks
// beside the SDK's own codec (speed). They judge the code that tools/gen makes
// for every service of the mission; it is generated first, and never committed:
//
//	go -C test/wire generate && go -C test/wire test ./...
package wire

//go:generate go run -C ../.. ./tools/gen -all test/wire/gen -import bartizan.dev/test/wire/gen
//go:generate go run -C ../.. ./tools/gen -all test/wire/gen/smithy -models test/wire/smithy/testdata/models -import bartizan.dev/test/wire/gen/smithy
