module bartizan.dev/test/clients

go 1.26.0

require bartizan.dev v0.0.0

replace bartizan.dev => ../..
