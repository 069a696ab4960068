package reference

import (
	"strings"
	"sync"
)

// arnIndex is built when it is first asked for, which decodes all services
// (40 ms, and some 20 MB that stay).
type arnIndex struct {
	once  sync.Once
	types map[string][]*ResourceType
}

// ARNTypes returns the resource types of all services whose ARNs name the
// service, which need not be a prefix of actions: catalog is servicecatalog's,
// and ec2 is named by types of ssm too. The service is compared as written.
func (r *Reference) ARNTypes(service string) []*ResourceType {
	r.arns.once.Do(func() {
		r.arns.types = map[string][]*ResourceType{}
		for _, e := range r.entries {
			s := e.get()
			for i := range s.Resources {
				t := &s.Resources[i]
				if f := strings.SplitN(t.ARN, ":", 4); len(f) == 4 {
					r.arns.types[f[2]] = append(r.arns.types[f[2]], t)
				}
			}
		}
	})
	return r.arns.types[service]
}

// ARNs returns the patterns of the type: API Gateway has types with two.
func (t *ResourceType) ARNs() []string { return strings.Split(t.ARN, ", ") }
