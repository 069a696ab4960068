package cli

import (
	"fmt"

	"bartizan.dev/server"
)

// hostFlags are about what runs on hosts: the endpoints for credentials on the
// server's own, and whose tokens of pods are believed.
type hostFlags struct {
	EksIssuer map[string]string `help:"Keys of a Kubernetes cluster's service account tokens, for EKS Pod Identity: the URL of its issuer, or a file with its key set." placeholder:"CLUSTER=URL|FILE"`

	Metadata         string `help:"Address of an EC2 instance metadata service (IMDSv2) for this host; none by default." placeholder:"ADDR"`
	InstanceProfile  string `help:"Instance profile whose role it gives credentials of: name, or ARN." placeholder:"NAME"`
	MetadataHopLimit int    `help:"Hops that its answers may travel, 1 to 64." default:"1" placeholder:"N"`
	MetadataV1       bool   `help:"Let it answer requests without a token too (IMDSv1)."`

	ContainerCredentials string `help:"Address of a container credentials endpoint for this host; none by default." placeholder:"ADDR"`
	TaskRole             string `help:"Role that it gives credentials of." placeholder:"ARN"`
	ContainerTokenFile   string `help:"File with the token that it wants; made if it is missing." placeholder:"FILE"`
}

func (f *hostFlags) apply(opt *server.Options) {
	opt.EKSIssuers = f.EksIssuer
	opt.Metadata = server.Metadata{
		Instance: f.Metadata, Profile: f.InstanceProfile, HopLimit: f.MetadataHopLimit, AllowV1: f.MetadataV1,
		Container: f.ContainerCredentials, TaskRole: f.TaskRole, TokenFile: f.ContainerTokenFile,
	}
}

// sayHosts tells how programs on this host find their credentials.
func (f *hostFlags) sayHosts(env Env, s *server.Server) {
	instance, container := s.Hosts()
	if instance != "" {
		fmt.Fprintf(env.Out, "instance metadata, for programs on this host:\n  export AWS_EC2_METADATA_SERVICE_ENDPOINT=%s\n", instance)
	}
	if container != "" {
		fmt.Fprintf(env.Out, "container credentials, for programs on this host:\n  export AWS_CONTAINER_CREDENTIALS_FULL_URI=%s AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=%s\n",
			container, quote(f.ContainerTokenFile))
	}
}
