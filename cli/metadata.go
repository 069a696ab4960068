package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"bartizan.dev/arn"
	"bartizan.dev/plane/metadata"
)

// metadataCmd runs on a host that has a certificate, away from the server, and
// gives its programs credentials where AWS's SDKs look for them.
type metadataCmd struct {
	Instance   string `help:"Address of an EC2 instance metadata service (IMDSv2)." placeholder:"ADDR"`
	InstanceId string `help:"Instance id that it tells; none by default." placeholder:"ID"`
	HopLimit   int    `help:"Hops that answers may travel, 1 to 64." default:"1" placeholder:"N"`
	V1         bool   `help:"Answer requests without a token too (IMDSv1)." name:"v1"`

	Container string `help:"Address of a container credentials endpoint." placeholder:"ADDR"`
	TokenFile string `help:"File with the token that it wants; made if it is missing." placeholder:"FILE"`

	Pods    string `help:"Address of an agent of EKS Pod Identity, 169.254.170.23:80 on a node." placeholder:"ADDR"`
	Cluster string `help:"Name of the cluster that its pods run in." placeholder:"NAME"`

	anywhere `embed:""`
	logFlags
}

// containerPath is the path of the container credentials endpoint.
const containerPath = "/v2/credentials"

func (c *metadataCmd) Run(ctx context.Context, env Env) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Instance == "" && c.Container == "" && c.Pods == "" {
		return errors.New("nothing to serve: want --instance, --container or --pods")
	}
	log := c.logger(env.Err)
	plane := metadata.New(time.Now, log)
	config, err := c.config(env)
	if err != nil {
		return err
	}
	if err := plane.Apply(config); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	for _, e := range []struct {
		address, path, tell string
		handler             http.Handler
	}{
		{c.Instance, "", "AWS_EC2_METADATA_SERVICE_ENDPOINT", plane.Instance()},
		{c.Container, containerPath, "AWS_CONTAINER_CREDENTIALS_FULL_URI", plane.Container()},
		{c.Pods, "/v1/credentials", "AWS_CONTAINER_CREDENTIALS_FULL_URI", plane.Pods()},
	} {
		if e.address == "" {
			continue
		}
		l, err := metadata.Listen(ctx, e.address, c.HopLimit)
		if err != nil {
			return err
		}
		fmt.Fprintf(env.Out, "export %s=%s\n", e.tell, urlOf(l)+e.path)
		go func() { stop(metadata.Serve(ctx, l, e.handler, log)) }()
	}
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func urlOf(l net.Listener) string { return "http://" + l.Addr().String() }

// config is what the endpoints serve: the role of the command line, got with the
// host's certificate.
func (c *metadataCmd) config(env Env) (metadata.Config, error) {
	var out metadata.Config
	role, err := arn.Parse(c.RoleArn)
	if err != nil {
		return out, fmt.Errorf("--role-arn: %w", err)
	}
	anchor, err := arn.Parse(c.TrustAnchorArn)
	if err != nil {
		return out, fmt.Errorf("--trust-anchor-arn: %w", err)
	}
	source := func(ctx context.Context) (metadata.Credentials, error) {
		got, err := c.session(ctx, env, time.Now())
		if err != nil {
			return metadata.Credentials{}, denial(err)
		}
		return metadata.Credentials{AccessKey: got.AccessKeyID, Secret: got.SecretAccessKey, Token: got.SessionToken, Expires: got.Expiration, Account: role.Account}, nil
	}
	if c.Instance != "" {
		out.Instance = &metadata.Instance{
			ID: c.InstanceId, Account: role.Account, Region: anchor.Region, Launched: time.Now(), AllowV1: c.V1,
			Role: role.Resource[strings.LastIndexByte(role.Resource, '/')+1:], Source: source,
		}
	}
	if c.Container != "" {
		if c.TokenFile == "" {
			return out, errors.New("--container needs --token-file")
		}
		token, err := metadata.TokenFile(c.TokenFile)
		if err != nil {
			return out, err
		}
		out.Container = &metadata.Container{Path: containerPath, Token: token, Role: c.RoleArn, Source: source}
	}
	if c.Pods != "" {
		if c.Cluster == "" {
			return out, errors.New("--pods needs --cluster")
		}
		agent := &podAgent{anywhere: &c.anywhere, env: env, cluster: c.Cluster, region: anchor.Region, node: source}
		out.Pods = &metadata.Pods{Exchange: agent.exchange}
	}
	return out, nil
}
