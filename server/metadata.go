package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/plane/metadata"
	"bartizan.dev/service/iam"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// Metadata says which endpoints for credentials the server opens for programs on
// its own host.
type Metadata struct {
	Instance  string // address of the instance metadata service; empty: none
	Profile   string // instance profile: name, or ARN if it is not of the default account
	HopLimit  int    // of its answers
	AllowV1   bool
	Container string // address of the container credentials endpoint; empty: none
	TaskRole  string // ARN of its role
	TokenFile string // file with the token that it wants; made if it is missing
}

// containerPath is the path of the container credentials endpoint.
const containerPath = "/v2/credentials"

// listenMetadata opens the endpoints. Their roles are looked up whenever IAM
// changes, so a profile may be made after the server was started.
func (s *Server) listenMetadata(ctx context.Context) error {
	opt := s.opt.Metadata
	if opt.Instance == "" && opt.Container == "" {
		return nil
	}
	plane := metadata.New(s.clock.Now, s.log)
	h := &host{Server: s, plane: plane}
	if opt.Container != "" {
		if a, err := arn.Parse(opt.TaskRole); err != nil || a.Service != "iam" {
			return fmt.Errorf("container credentials need the ARN of a role, not %q", opt.TaskRole)
		}
		if opt.TokenFile == "" {
			return errors.New("container credentials need a file for their token")
		}
		var err error
		if h.token, err = metadata.TokenFile(opt.TokenFile); err != nil {
			return err
		}
	}
	if err := h.apply(ctx); err != nil {
		return err
	}
	if opt.Instance != "" {
		if err := h.follow(ctx); err != nil {
			return err
		}
	}
	for _, e := range []struct {
		address string
		hops    int
		handler http.Handler
		opened  *net.Addr
	}{{opt.Instance, opt.HopLimit, plane.Instance(), &s.instanceAddr}, {opt.Container, 0, plane.Container(), &s.containerAddr}} {
		if e.address == "" {
			continue
		}
		l, err := metadata.Listen(ctx, e.address, e.hops)
		if err != nil {
			return err
		}
		*e.opened = l.Addr()
		go func() {
			if err := metadata.Serve(ctx, l, e.handler, s.log); err != nil {
				s.log.Error("an endpoint for credentials has stopped", "cause", err)
			}
		}()
	}
	return nil
}

// Hosts are the URLs of the endpoints for credentials, empty where there is
// none: values of AWS_EC2_METADATA_SERVICE_ENDPOINT and
// AWS_CONTAINER_CREDENTIALS_FULL_URI.
func (s *Server) Hosts() (instance, container string) {
	if s.instanceAddr != nil {
		instance = "http://" + s.instanceAddr.String()
	}
	if s.containerAddr != nil {
		container = "http://" + s.containerAddr.String() + containerPath
	}
	return instance, container
}

// host keeps the plane's Config in step with IAM.
type host struct {
	*Server
	plane   *metadata.Plane
	token   string
	applied iam.InstanceInfo // the last one
}

// apply compiles the Config and applies it, if it has changed.
func (h *host) apply(ctx context.Context) error {
	opt := h.opt.Metadata
	var c metadata.Config
	if opt.Container != "" {
		a, err := arn.Parse(opt.TaskRole)
		if err != nil {
			return err
		}
		c.Container = &metadata.Container{Path: containerPath, Token: h.token, Role: opt.TaskRole,
			Source: h.source("ecs-tasks.amazonaws.com", a.Account, opt.TaskRole, strings.ToLower(rand.Text()))}
	}
	if opt.Instance == "" {
		return h.plane.Apply(c)
	}
	account, name := DefaultAccount, opt.Profile
	if a, err := arn.Parse(opt.Profile); err == nil {
		account, name = a.Account, a.Resource[strings.LastIndexByte(a.Resource, '/')+1:]
	}
	info, err := h.iam.Instance(ctx, account, name)
	if err != nil {
		return err
	}
	if info == nil {
		info = &iam.InstanceInfo{Account: account}
	}
	if *info == h.applied {
		return nil
	}
	i := &metadata.Instance{
		ID: instanceID(account), Account: account, Region: "us-east-1", Zone: "us-east-1a", Launched: h.started, AllowV1: opt.AllowV1,
		Profile: info.ARN, ProfileID: info.ID, Role: info.Role,
	}
	if i.Role != "" {
		i.Source = h.source("ec2.amazonaws.com", account, info.RoleARN, i.ID)
	}
	c.Instance = i
	if err := h.plane.Apply(c); err != nil {
		return err
	}
	h.applied = *info
	return nil
}

// instanceID is an id of AWS's form that stays the same on a host.
func instanceID(account string) string {
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	sum := sha256.Sum256([]byte(account + "/" + name))
	return "i-" + hex.EncodeToString(sum[:])[:17]
}

// follow applies anew when roles or profiles change, until ctx ends.
func (h *host) follow(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	wake := func() {
		select {
		case changed <- struct{}{}:
		default: // it will look anyway
		}
	}
	err := h.store.Watch(ctx, func(list []store.Change) {
		for _, c := range list {
			if strings.HasPrefix(c.Key, "iam/profile/") || strings.HasPrefix(c.Key, "iam/role/") {
				wake()
				return
			}
		}
	}, wake)
	if err != nil {
		return err
	}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-changed:
				if err := h.apply(ctx); err != nil && ctx.Err() == nil {
					h.log.Error("the instance profile cannot be looked up", "cause", err)
				}
			}
		}
	}()
	return nil
}

// source assumes a role as an AWS service: its trust policy must allow that.
func (s *Server) source(principal, account, role, session string) metadata.Source {
	client := stsapi.Client{Door: inner{s, principal}}
	return func(ctx context.Context) (metadata.Credentials, error) {
		ctx = caller.AsService(ctx, principal, account, "us-east-1", s.clock.Now())
		out, err := client.AssumeRole(ctx, &stsapi.AssumeRoleRequest{RoleArn: role, RoleSessionName: session})
		if e, ok := errors.AsType[*wire.Error](err); ok && !e.Fault {
			return metadata.Credentials{}, fmt.Errorf("%w: %w", metadata.ErrDenied, err)
		} else if err != nil {
			return metadata.Credentials{}, err
		}
		c := out.Credentials
		return metadata.Credentials{AccessKey: c.AccessKeyId, Secret: c.SecretAccessKey, Token: c.SessionToken, Expires: c.Expiration, Account: account}, nil
	}
}
