// Package smoke runs the AWS CLI over every operation of every service that is
// built, and boto3 over their paginators, waiters and quotas. What it asserts
// comes from AWS's models, as the botocore that scripts/setup installs has them:
//
//   - probe.py sends the smallest valid input of each operation;
//   - scenario.py lets each operation succeed, as scenario/SERVICE.txt says;
//   - pages.py turns pages and waits;
//   - quotas.py goes to each limit and one beyond;
//   - judge.py shows that wrong answers are found.
//
// Whatever is answered must have the shape that the model gives it, byte for
// byte: no member is missing, of another type or unknown.
package smoke
