module bartizan.dev

go 1.26
