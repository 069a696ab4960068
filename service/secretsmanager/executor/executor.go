// Package executor does the four steps of a rotation: createSecret, setSecret,
// testSecret, finishSecret. On AWS a Lambda function does them; here whoever runs
// the server registers, under the function's name, an HTTPS endpoint or a local
// command that gets the same event, and some rotators are built in.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
package executor

import (
	"context"
	"fmt"
	"strings"

	"bartizan.dev/arn"
)

// The steps, in their order.
const (
	CreateSecret = "createSecret"
	SetSecret    = "setSecret"
	TestSecret   = "testSecret"
	FinishSecret = "finishSecret"
)

// Event is what a rotation function is invoked with.
type Event struct {
	Step               string
	SecretId           string // the secret's ARN
	ClientRequestToken string // the version's id
	RotationToken      string
}

// Call is an event with where it comes from.
type Call struct {
	Event
	Function        string // ARN of the function
	Account, Region string // of the secret
}

// Executor does steps. Both methods may be called concurrently, and for the same
// event again: an executor must find out what it has done already. Their errors
// go to the log and hold no secrets.
type Executor interface {
	// Ready reports why the executor could not work for a secret.
	Ready(ctx context.Context, c Call) error
	Run(ctx context.Context, c Call) error
}

// Session are the credentials of a function's execution role, and a context in
// which the server's own code calls with its rights.
type Session struct {
	Context                  context.Context
	AccessKey, Secret, Token string
}

// Assume makes a session of the execution role of a function, which is the role
// of the function's name in its account; the role must trust
// lambda.amazonaws.com.
type Assume func(ctx context.Context, c Call) (*Session, error)

// Name is the name in the ARN of a function: arn:aws:lambda:REGION:ACCOUNT:
// function:NAME, with or without a qualifier.
func Name(function string) (name, account string, err error) {
	a, err := arn.Parse(function)
	if err != nil || a.Partition != arn.Partition || a.Service != "lambda" || !arn.IsAccount(a.Account) {
		return "", "", fmt.Errorf("executor: %q is not the ARN of a Lambda function", function)
	}
	rest, ok := strings.CutPrefix(a.Resource, "function:")
	name, _, _ = strings.Cut(rest, ":")
	if !ok || name == "" {
		return "", "", fmt.Errorf("executor: %q is not the ARN of a Lambda function", function)
	}
	return name, a.Account, nil
}

// Role is the ARN of the execution role of a function.
func Role(function string) (string, error) {
	name, account, err := Name(function)
	if err != nil {
		return "", err
	}
	return arn.New("iam", "", account, "role/"+name), nil
}
