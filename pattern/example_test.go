package pattern_test

import (
	"fmt"

	"bartizan.dev/pattern"
)

func Example() {
	set := pattern.NewSet[string]()
	for name, source := range map[string]string{
		"stopped": `{"source": ["aws.ec2"], "detail": {"state": [{"prefix": "stop"}]}}`,
		"any":     `{"source": [{"wildcard": "aws.*"}], "detail": {"instance-id": [{"exists": true}]}}`,
		"other":   `{"source": [{"anything-but": "aws.ec2"}]}`,
	} {
		p, err := pattern.Parse(source)
		if err != nil {
			fmt.Println(err)
			return
		}
		set.Put(name, p)
	}
	ids, err := set.Match(nil, []byte(`{"source": "aws.ec2", "detail": {"instance-id": "i-1", "state": "stopping"}}`))
	fmt.Println(ids, err)

	_, err = pattern.Parse(`{"source": []}`)
	fmt.Println(err)
	// Output:
	// [any stopped] <nil>
	// Event pattern is not valid. Reason: Empty arrays are not allowed
	//  at [Source: (String)"{"source": []}"; line: 1, column: 14]
}
