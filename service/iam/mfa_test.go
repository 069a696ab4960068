package iam

import (
	"bytes"
	"context"
	"image/png"
	"strings"
	"testing"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/caller"
)

// device is a virtual MFA device as its holder has it.
type device struct {
	f      *fixture
	serial string
	seed   []byte
}

func (f *fixture) device(name string) *device {
	f.t.Helper()
	out := must(f.CreateVirtualMFADevice(f.root, &iamapi.CreateVirtualMFADeviceRequest{VirtualMFADeviceName: name}))(f.t)
	seed, err := base32Raw.DecodeString(string(out.VirtualMFADevice.Base32StringSeed))
	if err != nil {
		f.t.Fatal(err)
	}
	return &device{f, out.VirtualMFADevice.SerialNumber, seed}
}

// code is what the device shows now, or so many steps later.
func (d *device) code(later int64) string { return codeOf(d.seed, stepAt(d.f.clock)+later) }

// enable assigns the device with the codes of the last step and this one.
func (d *device) enable(ctx context.Context, user string) error {
	_, err := d.f.EnableMFADevice(ctx, &iamapi.EnableMFADeviceRequest{
		UserName: user, SerialNumber: d.serial, AuthenticationCode1: d.code(-1), AuthenticationCode2: d.code(0),
	})
	return err
}

func (f *fixture) newUser(name string) (id string) {
	f.t.Helper()
	return must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: name}))(f.t).User.UserId
}

func TestCreateVirtualMFADevice(t *testing.T) {
	f := newFixture(t)
	in := &iamapi.CreateVirtualMFADeviceRequest{
		Path: new("/team/"), VirtualMFADeviceName: "alice", Tags: []iamapi.Tag{{Key: "Team", Value: "blue"}},
	}
	out := must(f.CreateVirtualMFADevice(f.root, in))(t).VirtualMFADevice
	if want := "arn:aws:iam::111122223333:mfa/team/alice"; out.SerialNumber != want {
		t.Errorf("serial %s, want %s", out.SerialNumber, want)
	}
	if len(out.Base32StringSeed) != 64 {
		t.Errorf("a seed of %d characters", len(out.Base32StringSeed))
	}
	if image, err := png.Decode(bytes.NewReader(out.QRCodePNG)); err != nil || image.Bounds().Dx() < 100 {
		t.Errorf("QR code: %v, %v", image, err)
	}
	if len(out.Tags) != 1 {
		t.Errorf("tags %v", out.Tags)
	}
	fails(f.CreateVirtualMFADevice(f.root, in))(t, "EntityAlreadyExists", "MFADevice entity at the same path and name already exists.")
	in.Path = nil
	must(f.CreateVirtualMFADevice(f.root, in))(t)
	in.Tags = []iamapi.Tag{{Key: "aws:x", Value: "y"}}
	in.VirtualMFADeviceName = "bob"
	fails(f.CreateVirtualMFADevice(f.root, in))(t, "ValidationError", "System tags cannot be added/updated by requester.")
	in = &iamapi.CreateVirtualMFADeviceRequest{VirtualMFADeviceName: strings.Repeat("a", 250)}
	fails(f.CreateVirtualMFADevice(f.root, in))(t, "ValidationError", "1 validation error detected: Value at 'serialNumber' failed to satisfy constraint: Member must have length less than or equal to 256")
	f.Quotas.Users = 2
	in.VirtualMFADeviceName = "carol"
	fails(f.CreateVirtualMFADevice(f.root, in))(t, "LimitExceeded", "Cannot exceed quota for MFADevices: 2")
	if n := must(f.GetAccountSummary(f.root, &iamapi.GetAccountSummaryInput{}))(t).SummaryMap["MFADevices"]; n != 2 {
		t.Errorf("%d devices counted, want 2", n)
	}
}

func TestOtpauthURI(t *testing.T) {
	want := "otpauth://totp/Amazon%20Web%20Services:a+b=c@example?secret=ABC&issuer=Amazon%20Web%20Services"
	if got := otpauthURI("a+b=c", "example", "ABC"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEnableMFADevice(t *testing.T) {
	f := newFixture(t)
	id := f.newUser("alice")
	f.newUser("bob")
	d := f.device("phone")
	enable := func(user, serial, one, two string) (*iamapi.EnableMFADeviceOutput, error) {
		return f.EnableMFADevice(f.root, &iamapi.EnableMFADeviceRequest{
			UserName: user, SerialNumber: serial, AuthenticationCode1: one, AuthenticationCode2: two,
		})
	}
	fails(enable("nobody", d.serial, d.code(-1), d.code(0)))(t, "NoSuchEntity", "The user with name nobody cannot be found.")
	fails(enable("alice", d.serial+"x", d.code(-1), d.code(0)))(t, "NoSuchEntity", "VirtualMFADevice with serial number "+d.serial+"x does not exist.")
	fails(enable("alice", "GAHT12345678", d.code(-1), d.code(0)))(t, "NoSuchEntity", "VirtualMFADevice with serial number GAHT12345678 does not exist.")
	fails(enable("alice", d.serial, d.code(0), d.code(0)))(t, "InvalidAuthenticationCode", "Authentication code for device is not valid.")
	fails(enable("alice", d.serial, d.code(0), d.code(-1)))(t, "InvalidAuthenticationCode", "Authentication code for device is not valid.")
	must(enable("ALICE", d.serial, d.code(-1), d.code(0)))(t)
	fails(enable("bob", d.serial, d.code(1), d.code(2)))(t, "EntityAlreadyExists", "MFA Device is already in use.")
	if _, err := f.EnableMFADevice(f.other, &iamapi.EnableMFADeviceRequest{
		UserName: otherAccount, SerialNumber: d.serial, AuthenticationCode1: d.code(1), AuthenticationCode2: d.code(2),
	}); !isNoSuchEntity(err) {
		t.Errorf("another account's device: %v", err)
	}

	list := must(f.ListMFADevices(f.root, &iamapi.ListMFADevicesRequest{UserName: new("alice")}))(t)
	if len(list.MFADevices) != 1 || list.MFADevices[0] != (iamapi.MFADevice{UserName: "alice", SerialNumber: d.serial, EnableDate: f.clock}) {
		t.Errorf("devices of alice: %v", list.MFADevices)
	}
	if mine := must(f.MFADevices(t.Context(), id))(t); len(mine) != 1 || mine[0].Serial != d.serial || mine[0].FIDO {
		t.Errorf("for the sign-in: %v", mine)
	}
	must(f.UpdateUser(f.root, &iamapi.UpdateUserRequest{UserName: "alice", NewUserName: new("alina")}))(t)
	if list = must(f.ListMFADevices(f.asUser("alina"), &iamapi.ListMFADevicesRequest{}))(t); list.MFADevices[0].UserName != "alina" {
		t.Errorf("after renaming: %v", list.MFADevices)
	}
	fails(f.DeleteUser(f.root, &iamapi.DeleteUserRequest{UserName: "alina"}))(t, "DeleteConflict", "Cannot delete entity, must delete MFA device first.")
	fails(f.DeleteVirtualMFADevice(f.root, &iamapi.DeleteVirtualMFADeviceRequest{SerialNumber: d.serial}))(t, "DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.")
	fails(f.DeactivateMFADevice(f.root, &iamapi.DeactivateMFADeviceRequest{UserName: new("bob"), SerialNumber: d.serial}))(t, "NoSuchEntity", "MFA Device invalid for user.")
	must(f.DeactivateMFADevice(f.root, &iamapi.DeactivateMFADeviceRequest{UserName: new("alina"), SerialNumber: d.serial}))(t)
	if ok := must(f.CheckMFA(t.Context(), id, d.serial, d.code(1)))(t); ok {
		t.Error("a code was taken after the device was deactivated")
	}
	// The codes it was enabled with are spent, also for the next owner.
	fails(enable("bob", d.serial, d.code(-1), d.code(0)))(t, "InvalidAuthenticationCode", "Authentication code for device is not valid.")
	must(f.DeleteVirtualMFADevice(f.root, &iamapi.DeleteVirtualMFADeviceRequest{SerialNumber: d.serial}))(t)
	fails(f.DeleteVirtualMFADevice(f.root, &iamapi.DeleteVirtualMFADeviceRequest{SerialNumber: d.serial}))(t, "NoSuchEntity", "VirtualMFADevice with serial number "+d.serial+" does not exist.")
	must(f.DeleteUser(f.root, &iamapi.DeleteUserRequest{UserName: "alina"}))(t)
}

func TestMFADevicesPerUser(t *testing.T) {
	f := newFixture(t)
	f.newUser("alice")
	for i := range maxMFADevices {
		if err := f.device(string(rune('a'+i))).enable(f.root, "alice"); err != nil {
			t.Fatal(err)
		}
	}
	fails(0, f.device("ninth").enable(f.root, "alice"))(t, "LimitExceeded", "Cannot exceed quota for MFADevicesPerUser: 8")
	summary := must(f.GetAccountSummary(f.root, &iamapi.GetAccountSummaryInput{}))(t).SummaryMap
	if summary["MFADevices"] != 9 || summary["MFADevicesInUse"] != 8 || summary["AccountMFAEnabled"] != 0 {
		t.Errorf("summary: %v", summary)
	}
	one := must(f.ListMFADevices(f.root, &iamapi.ListMFADevicesRequest{UserName: new("alice"), MaxItems: new(int32(5))}))(t)
	two := must(f.ListMFADevices(f.root, &iamapi.ListMFADevicesRequest{UserName: new("alice"), Marker: one.Marker}))(t)
	if len(one.MFADevices) != 5 || !*one.IsTruncated || len(two.MFADevices) != 3 || *two.IsTruncated {
		t.Errorf("pages of %d and %d", len(one.MFADevices), len(two.MFADevices))
	}
}

func TestCheckMFA(t *testing.T) {
	f := newFixture(t)
	id, other := f.newUser("alice"), f.newUser("bob")
	d := f.device("phone")
	check := func(user, serial, code string, want bool) {
		t.Helper()
		if ok := must(f.CheckMFA(t.Context(), user, serial, code))(t); ok != want {
			t.Errorf("code %s: %v", code, ok)
		}
	}
	check(id, d.serial, d.code(0), false) // belongs to nobody yet
	if err := d.enable(f.root, "alice"); err != nil {
		t.Fatal(err)
	}
	check(id, d.serial, d.code(0), false) // spent when the device was enabled
	check(id, d.serial, d.code(2), false) // too early
	check(other, d.serial, d.code(1), false)
	check("", d.serial, d.code(1), false)
	check(id, "arn:aws:iam::111122223333:mfa/other", d.code(1), false)
	check(id, "not an ARN", d.code(1), false)
	check(id, d.serial, d.code(1), true)
	check(id, d.serial, d.code(1), false) // only once
	f.clock = f.clock.Add(time.Minute)
	check(id, d.serial, d.code(-1), false) // the same step, now one late
	check(id, d.serial, d.code(0), true)
}

// Many at once show the same code to two nodes: one gets in.
func TestCheckMFAOnce(t *testing.T) {
	f := newFixture(t)
	other, err := New(t.Context(), f.Deps)
	if err != nil {
		t.Fatal(err)
	}
	id := f.newUser("alice")
	d := f.device("phone")
	if err := d.enable(f.root, "alice"); err != nil {
		t.Fatal(err)
	}
	code, results := d.code(1), make(chan bool)
	for i := range 8 {
		node := []*Service{f.Service, other}[i%2]
		go func() {
			ok, err := node.CheckMFA(t.Context(), id, d.serial, code)
			results <- ok && err == nil
		}()
	}
	n := 0
	for range 8 {
		if <-results {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the code was taken %d times", n)
	}
}

func TestMFALock(t *testing.T) {
	f := newFixture(t)
	id := f.newUser("alice")
	d := f.device("phone")
	if err := d.enable(f.root, "alice"); err != nil {
		t.Fatal(err)
	}
	check := func(code string) bool { return must(f.CheckMFA(t.Context(), id, d.serial, code))(t) }
	wrong := func() string { // a code of none of the three steps
		return codeOf(d.seed, stepAt(f.clock)+100)
	}
	f.clock = f.clock.Add(time.Minute)
	for range mfaTries - 1 {
		check(wrong())
	}
	if !check(d.code(0)) {
		t.Fatal("locked too early")
	}
	f.clock = f.clock.Add(time.Minute)
	for range mfaTries {
		check(wrong())
	}
	if check(d.code(0)) {
		t.Fatal("a right code was taken while the device is locked")
	}
	f.clock = f.clock.Add(mfaLock)
	check(wrong()) // locks for twice as long
	f.clock = f.clock.Add(mfaLock)
	if check(d.code(0)) {
		t.Fatal("the second lock is no longer than the first")
	}
	f.clock = f.clock.Add(mfaLock)
	if !check(d.code(0)) {
		t.Fatal("still locked")
	}
	for range 20 {
		f.clock = f.clock.Add(mfaMaxLock)
		check(wrong())
	}
	if check(d.code(0)) {
		t.Fatal("not locked after many wrong codes")
	}
	// Two codes in succession unlock it.
	must(f.ResyncMFADevice(f.root, &iamapi.ResyncMFADeviceRequest{
		UserName: "alice", SerialNumber: d.serial, AuthenticationCode1: d.code(-1), AuthenticationCode2: d.code(0),
	}))(t)
	if !check(d.code(1)) {
		t.Error("locked after ResyncMFADevice")
	}
}

func TestResyncMFADevice(t *testing.T) {
	f := newFixture(t)
	id := f.newUser("alice")
	f.newUser("bob")
	d := f.device("phone")
	if err := d.enable(f.root, "alice"); err != nil {
		t.Fatal(err)
	}
	const ahead = 40 // the device's clock runs 20 minutes ahead
	if must(f.CheckMFA(t.Context(), id, d.serial, d.code(ahead)))(t) {
		t.Fatal("a code of another time was taken")
	}
	resync := func(user, one, two string) (*iamapi.ResyncMFADeviceOutput, error) {
		return f.ResyncMFADevice(f.root, &iamapi.ResyncMFADeviceRequest{
			UserName: user, SerialNumber: d.serial, AuthenticationCode1: one, AuthenticationCode2: two,
		})
	}
	fails(resync("bob", d.code(ahead), d.code(ahead+1)))(t, "NoSuchEntity", "MFA Device invalid for user.")
	fails(resync("alice", d.code(ahead), d.code(ahead+2)))(t, "InvalidAuthenticationCode", "Authentication code for device is not valid.")
	must(resync("alice", d.code(ahead), d.code(ahead+1)))(t)
	fails(resync("alice", d.code(ahead), d.code(ahead+1)))(t, "InvalidAuthenticationCode", "Authentication code for device is not valid.")
	f.clock = f.clock.Add(time.Minute)
	if must(f.CheckMFA(t.Context(), id, d.serial, d.code(0)))(t) {
		t.Error("a code of before was taken")
	}
	if !must(f.CheckMFA(t.Context(), id, d.serial, d.code(ahead)))(t) {
		t.Error("the clock was not set")
	}
}

// Who has a device and shows no MFA must not add or remove devices of its own.
func TestSelfManagedMFA(t *testing.T) {
	f := newFixture(t)
	f.newUser("alice")
	f.newUser("bob")
	one, two := f.device("one"), f.device("two")
	alice := f.asUser("alice")
	if err := one.enable(alice, "alice"); err != nil {
		t.Fatal("the first device needs no MFA:", err)
	}
	const message = "To complete this action, please ensure that you are authenticated with an MFA device that is enabled for this user."
	fails(0, two.enable(alice, "alice"))(t, "AccessDenied", message)
	fails(f.DeactivateMFADevice(alice, &iamapi.DeactivateMFADeviceRequest{SerialNumber: one.serial}))(t, "AccessDenied", message)
	if err := f.device("three").enable(alice, "bob"); err != nil {
		t.Error("somebody else's device:", err)
	}
	id := caller.From(alice).Identity
	id.Session = &caller.Session{MFA: true, IssuerID: id.ID}
	withMFA := f.as(id)
	if err := two.enable(withMFA, "alice"); err != nil {
		t.Error(err)
	}
	must(f.DeactivateMFADevice(withMFA, &iamapi.DeactivateMFADeviceRequest{SerialNumber: one.serial}))(t)
}

func TestRootMFA(t *testing.T) {
	f := newFixture(t)
	d := f.device("root-account-mfa-device")
	if err := d.enable(f.root, testAccount); err != nil {
		t.Fatal(err)
	}
	if !must(f.CheckMFA(t.Context(), testAccount, d.serial, d.code(1)))(t) {
		t.Error("the root user's code was not taken")
	}
	list := must(f.ListMFADevices(f.root, &iamapi.ListMFADevicesRequest{}))(t)
	if len(list.MFADevices) != 1 || list.MFADevices[0].SerialNumber != d.serial {
		t.Errorf("devices of the root user: %v", list.MFADevices)
	}
	all := must(f.ListVirtualMFADevices(f.root, &iamapi.ListVirtualMFADevicesRequest{}))(t)
	if u := all.VirtualMFADevices[0].User; u == nil || u.Arn != rootARN(testAccount) {
		t.Errorf("assigned to %v", u)
	}
	if n := must(f.GetAccountSummary(f.root, &iamapi.GetAccountSummaryInput{}))(t).SummaryMap["AccountMFAEnabled"]; n != 1 {
		t.Error("the summary does not know of it")
	}
	out := &iamapi.DeactivateMFADeviceRequest{SerialNumber: d.serial}
	fails(f.DeactivateMFADevice(f.root, out))(t, "ValidationError", "Must specify userName when calling with non-User credentials")
	id := rootOf(testAccount)
	id.Session = &caller.Session{PolicyARNs: []string{"arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials"}}
	must(f.DeactivateMFADevice(f.as(id), out))(t)
	f.newUser("alice")
	if err := d.enable(f.asUser("alice"), testAccount); !isNoSuchEntity(err) {
		t.Error("a user assigned a device to the root user:", err)
	}
}

func TestListVirtualMFADevices(t *testing.T) {
	f := newFixture(t)
	f.newUser("alice")
	if err := f.device("a").enable(f.root, "alice"); err != nil {
		t.Fatal(err)
	}
	f.device("b")
	must(f.CreateVirtualMFADevice(f.other, &iamapi.CreateVirtualMFADeviceRequest{VirtualMFADeviceName: "c"}))(t)
	for status, want := range map[iamapi.AssignmentStatusType]string{
		"": "ab", iamapi.AssignmentStatusType_Any: "ab",
		iamapi.AssignmentStatusType_Assigned: "a", iamapi.AssignmentStatusType_Unassigned: "b",
	} {
		got := ""
		in := &iamapi.ListVirtualMFADevicesRequest{AssignmentStatus: status, MaxItems: new(int32(1))}
		for {
			out := must(f.ListVirtualMFADevices(f.root, in))(t)
			for _, d := range out.VirtualMFADevices {
				got += d.SerialNumber[len(d.SerialNumber)-1:]
				if assigned := d.User != nil; assigned != (got == "a") || assigned == d.EnableDate.IsZero() || d.Base32StringSeed != nil {
					t.Errorf("%s: %+v", status, d)
				}
			}
			if in.Marker = out.Marker; in.Marker == nil {
				break
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", status, got, want)
		}
	}
}

func TestMFADeviceTags(t *testing.T) {
	f := newFixture(t)
	d := f.device("phone")
	must(f.TagMFADevice(f.root, &iamapi.TagMFADeviceRequest{SerialNumber: d.serial, Tags: []iamapi.Tag{{Key: "b", Value: "1"}, {Key: "a", Value: "2"}}}))(t)
	must(f.TagMFADevice(f.root, &iamapi.TagMFADeviceRequest{SerialNumber: d.serial, Tags: []iamapi.Tag{{Key: "B", Value: "3"}}}))(t)
	out := must(f.ListMFADeviceTags(f.root, &iamapi.ListMFADeviceTagsRequest{SerialNumber: d.serial}))(t)
	if len(out.Tags) != 2 || out.Tags[0] != (iamapi.Tag{Key: "B", Value: "3"}) {
		t.Errorf("tags %v", out.Tags)
	}
	must(f.UntagMFADevice(f.root, &iamapi.UntagMFADeviceRequest{SerialNumber: d.serial, TagKeys: []string{"a", "absent"}}))(t)
	if out = must(f.ListMFADeviceTags(f.root, &iamapi.ListMFADeviceTagsRequest{SerialNumber: d.serial}))(t); len(out.Tags) != 1 {
		t.Errorf("tags %v", out.Tags)
	}
	fails(f.TagMFADevice(f.root, &iamapi.TagMFADeviceRequest{SerialNumber: "arn:aws:iam::111122223333:mfa/x"}))(t,
		"NoSuchEntity", "VirtualMFADevice with serial number arn:aws:iam::111122223333:mfa/x does not exist.")
}

// FuzzMFASerial: no serial number reads the record of another.
func FuzzMFASerial(f *testing.F) {
	f.Add("arn:aws:iam::111122223333:mfa/alice")
	f.Add("arn:aws:iam::111122223333:u2f/user/alice/key-ABC")
	f.Add("GAHT12345678")
	f.Add("arn:aws:iam:us-east-1:111122223333:mfa/alice")
	f.Fuzz(func(t *testing.T, serial string) {
		id, account, ok := mfaID(serial)
		if !ok {
			return
		}
		d := &mfaDevice{Account: account, Resource: strings.TrimPrefix(id, account+"/")}
		if d.serial() != serial || d.id() != id {
			t.Errorf("%q: record %q of %q", serial, id, account)
		}
	})
}

func BenchmarkCheckMFA(b *testing.B) {
	f := newFixture(b)
	id := f.newUser("alice")
	d := f.device("phone")
	if err := d.enable(f.root, "alice"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f.clock = f.clock.Add(totpStep * time.Second)
		if ok, err := f.CheckMFA(b.Context(), id, d.serial, d.code(0)); err != nil || !ok {
			b.Fatal(ok, err)
		}
	}
}
