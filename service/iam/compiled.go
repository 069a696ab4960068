package iam

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// sharedSize is the length of a document above which principals share what a
// managed policy was compiled to. A large policy takes up to a megabyte so; a
// small one is cheaper to decide by when it is compiled with the others.
const sharedSize = 2048

// compileAll compiles managed policies with the documents that a principal has
// itself: the large ones are compiled once for all principals.
func (s *Service) compileAll(ctx context.Context, r store.Reader, t policy.Type, own []policy.Labelled, arns []string) (*policy.Set, error) {
	var shared []*policy.Set
	for _, name := range arns {
		text, err := s.document(ctx, r, name)
		if errors.Is(err, store.ErrNotFound) && t == policy.Session { // a session may outlive the policies it named
			continue
		} else if err != nil {
			return nil, fmt.Errorf("iam: policy %s: %w", name, err)
		}
		if len(text) > sharedSize {
			set, err := s.compiled.Through(ctx, r, string(rune(t))+name)
			if err != nil {
				return nil, err
			}
			shared = append(shared, set)
			continue
		}
		one, err := managedLabel(t, name, text)
		if err != nil {
			return nil, err
		}
		own = append(own, one)
	}
	if shared == nil {
		return policy.Compile(own...), nil
	}
	return policy.Join(append(shared, policy.Compile(own...))...), nil
}

// loadCompiled compiles one managed policy; the key is its type and ARN.
func (s *Service) loadCompiled(ctx context.Context, r store.Reader, key string) (*policy.Set, error) {
	t, name := policy.Type(key[0]), key[1:]
	text, err := s.document(ctx, r, name)
	if err != nil {
		return nil, fmt.Errorf("iam: policy %s: %w", name, err)
	}
	one, err := managedLabel(t, name, text)
	if err != nil {
		return nil, err
	}
	return policy.Compile(one), nil
}

func managedLabel(t policy.Type, name, text string) (policy.Labelled, error) {
	doc, err := policy.Parse([]byte(text))
	if err != nil {
		return policy.Labelled{}, fmt.Errorf("iam: policy %s: %w", name, err)
	}
	return policy.Labelled{
		Source:   policy.Source{Type: t, ARN: name, Name: name[strings.LastIndexByte(name, '/')+1:], Managed: true},
		Document: doc,
	}, nil
}
