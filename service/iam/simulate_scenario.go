package iam

import (
	"strings"

	"bartizan.dev/arn"
)

// scenarios are the values of ResourceHandlingOption, each with the EC2
// resources that it requires: "by specifying the type of simulation to run,
// you enable the policy simulator to enforce the presence of the required
// resources".
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
func scenario(option string) (required []string, ok bool) {
	rest, ok := strings.CutPrefix(option, "EC2-VPC-")
	if !ok {
		return nil, false
	}
	required = []string{"instance", "image", "security-group", "network-interface"}
	storage, subnet := strings.CutSuffix(rest, "-Subnet")
	if subnet {
		required = append(required, "subnet")
	}
	switch storage {
	case "InstanceStore":
		return required, true
	case "EBS":
		return append(required, "volume"), true
	}
	return nil, false
}

// checkScenario refuses a scenario that does not exist, that is not the
// action's, or that lacks a resource.
func (m *simulation) checkScenario(option string, actions []string) error {
	required, ok := scenario(option)
	if !ok {
		return invalidInput("Invalid input resource handling options: %s.", option)
	}
	for _, name := range actions {
		if !strings.EqualFold(name, "ec2:RunInstances") {
			return invalidInput("Invalid input resource handling options. Action does not support resource handling options: %s.", name)
		}
	}
	present := map[string]bool{}
	for _, name := range m.resources {
		if a, err := arn.Parse(name); err == nil && a.Service == "ec2" {
			k, _ := a.Type()
			present[k] = true
		}
	}
	for _, k := range required {
		if !present[k] {
			return invalidInput("Invalid input resource handling options. %s requires a resource of type %s.", option, k)
		}
	}
	return nil
}
