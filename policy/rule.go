package policy

import "context"

// A Rule is a service's declaration of what one operation touches, made from
// its decoded input. Nothing else decides access.
type Rule struct {
	// Touches returns what the call touches. It may read the service's records
	// (a resource's policy and tags) but must not reveal whether they exist: for
	// a resource that does not exist it returns the touch without them.
	Touches func(ctx context.Context, in any) ([]Touch, error)
	// Everyone says that AWS lets every verified caller do this, whatever the
	// policies say. Touches is not called.
	Everyone bool
	// Absent says that the operation is not built: the gateway says so, and
	// decides nothing.
	Absent bool
}

// Rules are the declarations of a service, by operation name.
type Rules map[string]Rule

// On makes a Rule from a function on the operation's own input type.
func On[I any](touches func(ctx context.Context, in *I) ([]Touch, error)) Rule {
	return Rule{Touches: func(ctx context.Context, in any) ([]Touch, error) { return touches(ctx, in.(*I)) }}
}

// OnAny is for operations that touch the same things whatever their input.
func OnAny(touches ...Touch) Rule {
	return Rule{Touches: func(context.Context, any) ([]Touch, error) { return touches, nil }}
}
