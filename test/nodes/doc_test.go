// Package nodes tests several Bartizans on one PostgreSQL, through the front
// door: what a caller was told at one node is true at the other within a second,
// nothing acknowledged is lost with a node, and a node without its database
// refuses. Without PostgreSQL on the machine the tests are skipped, or fail when
// CI=true is in the environment.
package nodes
