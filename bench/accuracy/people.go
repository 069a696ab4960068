package main

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"time"

	"bartizan.dev/logs/logstest"
)

type (
	object = map[string]any
	list   = []any
)

const (
	account = logstest.Account
	partner = "529178841703" // another account
)

// User agents as the tools send them.
const (
	cli       = "aws-cli/2.17.5 md/awscrt#0.20.11 ua/2.0 os/linux#6.8.0-45-generic md/arch#x86_64 lang/python#3.11.8 md/pyimpl#CPython cfg/retry-mode#standard md/installer#exe md/prompt#off"
	mac       = "aws-cli/2.15.30 Python/3.11.8 Darwin/23.4.0 exe/x86_64 prompt/off"
	boto      = "Boto3/1.34.11 md/Botocore#1.34.11 ua/2.0 os/linux#5.15.0-91-generic md/arch#x86_64 lang/python#3.10.12 md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.34.11"
	browser   = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36"
	goSDK     = "aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5 md/GOOS#linux md/GOARCH#amd64 api/s3#1.58.2"
	terraform = "APN/1.0 HashiCorp/1.0 Terraform/1.9.8 (+https://www.terraform.io) terraform-provider-aws/5.75.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.32.4 ua/2.1 os/linux lang/go#1.23.2 md/GOARCH#amd64 md/GOOS#linux api/ec2#1.187.1"
)

// person is somebody, and where and with what they work.
type person struct {
	identity  map[string]any
	ip, agent string
}

// script makes the events of one person, one after another.
type script struct {
	who    person
	at     time.Time
	step   time.Duration
	region string
	events []logstest.Event
}

func (p person) begins(at time.Time, step time.Duration) *script {
	return &script{who: p, at: at, step: step, region: "eu-west-1"}
}

// does adds a call; reads are marked so by their names.
func (s *script) does(service, name string, params any) *logstest.Event {
	s.events = append(s.events, logstest.Event{Time: s.at, ID: eventID(s.who.ip, s.at, len(s.events)), Source: service + ".amazonaws.com", Name: name, Region: s.region,
		Identity: s.who.identity, IP: s.who.ip, Agent: s.who.agent, Params: params, ReadOnly: reads(name)})
	s.at = s.at.Add(s.step)
	return &s.events[len(s.events)-1]
}

// denied adds a call that is refused.
func (s *script) denied(service, name string, params any) {
	e := s.does(service, name, params)
	e.ErrorCode, e.ErrorText = "AccessDenied", "User is not authorized to perform: "+service+":"+name+" because no identity-based policy allows the action"
}

// data adds a data event.
func (s *script) data(service, name string, params any) {
	s.does(service, name, params).Category = "Data"
}

func reads(name string) bool {
	for _, p := range [...]string{"Describe", "List", "Get", "Batch", "Head", "Lookup"} {
		if len(name) > len(p) && name[:len(p)] == p {
			return true
		}
	}
	return false
}

func eventID(who string, at time.Time, n int) string {
	h := fnv.New128a()
	fmt.Fprint(h, who, at.UnixNano(), n)
	b := h.Sum(nil)
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", binary.BigEndian.Uint32(b), binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])&0xfff, binary.BigEndian.Uint16(b[8:])&0xfff, binary.BigEndian.Uint64(b[8:])&0xffffffffffff)
}

func items(values ...any) object { return object{"items": values} }

func resource(kind, name string) string { return "arn:aws:" + kind + ":" + account + ":" + name }

func hex(n, digits int) string {
	h := fnv.New64a()
	fmt.Fprint(h, n)
	return fmt.Sprintf("%016x%016x", h.Sum64(), h.Sum64()*31)[:digits]
}
