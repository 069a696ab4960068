package main

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// ulong is CK_ULONG: an unsigned long, which is as wide as a pointer on every
// system with purego's dlopen that this helper runs on (LP64).
type ulong = uintptr

// module is a loaded PKCS#11 library.
// https://docs.oasis-open.org/pkcs11/pkcs11-base/v2.40/os/pkcs11-base-v2.40-os.html
type module struct {
	path string
	fn   *functionList
}

// functionList is CK_FUNCTION_LIST (section 3.6): a version, and the functions
// in the order of the header file.
type functionList struct {
	version [2]byte
	fn      [68]uintptr
}

// The functions that the helper calls, as places in the list.
const (
	fnInitialize        = 0
	fnGetSlotList       = 4
	fnGetTokenInfo      = 6
	fnInitToken         = 9
	fnInitPIN           = 10
	fnOpenSession       = 12
	fnCloseSession      = 13
	fnLogin             = 18
	fnLogout            = 19
	fnDestroyObject     = 22
	fnGetAttributeValue = 24
	fnFindObjectsInit   = 26
	fnFindObjects       = 27
	fnFindObjectsFinal  = 28
	fnEncryptInit       = 29
	fnEncrypt           = 30
	fnDecryptInit       = 33
	fnDecrypt           = 34
	fnGenerateKey       = 58
)

const (
	lockWithOS      = 2 // CKF_OS_LOCKING_OK
	sessionReadOnly = 4 // CKF_SERIAL_SESSION
	sessionWrite    = 2 // CKF_RW_SESSION
	roleOfficer     = 0 // CKU_SO
	roleUser        = 1 // CKU_USER
)

// initArgs is CK_C_INITIALIZE_ARGS: the library locks with the system's own
// primitives, since calls come from many threads.
type initArgs struct {
	mutex    [4]uintptr
	flags    ulong
	reserved uintptr
}

// load loads the library at path and initialises it. One process does this once:
// a second library, or a second binding of the same, fails.
func load(path string) (*module, error) {
	lib, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("loading the PKCS#11 module: %w", err)
	}
	get, err := purego.Dlsym(lib, "C_GetFunctionList")
	if err != nil {
		return nil, fmt.Errorf("%s is not a PKCS#11 module: %w", path, err)
	}
	m := &module{path: path}
	if r, _, _ := purego.SyscallN(get, uintptr(unsafe.Pointer(&m.fn))); r != 0 {
		return nil, fmt.Errorf("%s: C_GetFunctionList: %w", path, rv(r))
	}
	if m.fn == nil || m.fn.version[0] < 2 {
		return nil, fmt.Errorf("%s is not a module of PKCS#11 2.0 or newer", path)
	}
	args := &initArgs{flags: lockWithOS}
	if err := m.call(fnInitialize, uintptr(unsafe.Pointer(args))); err != nil {
		return nil, fmt.Errorf("%s: C_Initialize: %w", path, err)
	}
	return m, nil
}

// call calls a function of the module. An answer other than CKR_OK is an rv.
//
// A pointer is an argument as uintptr(unsafe.Pointer(p)), written in the call
// itself: the directive keeps what it points to alive and in its place until the
// call has ended. What such memory points to in turn must be pinned.
//
//go:uintptrescapes
func (m *module) call(fn int, args ...uintptr) error {
	f := m.fn.fn[fn]
	if f == 0 {
		return errors.New("the module lacks a function that this helper needs")
	}
	if r, _, _ := purego.SyscallN(f, args...); r != 0 {
		return rv(r)
	}
	return nil
}

// tokenInfo is CK_TOKEN_INFO (section 3.2).
type tokenInfo struct {
	label        [32]byte
	manufacturer [32]byte
	model        [16]byte
	serial       [16]byte
	flags        ulong
	numbers      [10]ulong
	versions     [4]byte
	time         [16]byte
}

// slots lists the slots that hold a token.
func (m *module) slots() ([]ulong, error) {
	// A count that grows between the calls is tried again: another process may
	// make a token at any time.
	for range 5 {
		n := new(ulong)
		if err := m.call(fnGetSlotList, 1, 0, uintptr(unsafe.Pointer(n))); err != nil {
			return nil, err
		}
		if *n == 0 {
			return nil, nil
		}
		list := make([]ulong, *n)
		err := m.call(fnGetSlotList, 1, uintptr(unsafe.Pointer(&list[0])), uintptr(unsafe.Pointer(n)))
		if errors.Is(err, rvBufferTooSmall) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return list[:min(int(*n), len(list))], nil
	}
	return nil, rvBufferTooSmall
}

func (m *module) tokenInfo(slot ulong) (*tokenInfo, error) {
	info := new(tokenInfo)
	err := m.call(fnGetTokenInfo, slot, uintptr(unsafe.Pointer(info)))
	return info, err
}

func (m *module) openSession(slot ulong, write bool) (ulong, error) {
	flags := ulong(sessionReadOnly)
	if write {
		flags |= sessionWrite
	}
	session := new(ulong)
	err := m.call(fnOpenSession, slot, flags, 0, 0, uintptr(unsafe.Pointer(session)))
	return *session, err
}

func (m *module) closeSession(session ulong) error { return m.call(fnCloseSession, session) }

func (m *module) login(session ulong, role ulong, pin []byte) error {
	p := pinned(pin)
	defer p.release()
	return m.call(fnLogin, session, role, p.addr, ulong(len(pin)))
}

// bytesArg is a copy of bytes on the heap that a call may read. There is always
// at least one byte behind it: some modules refuse a null pointer even for
// nothing.
type bytesArg struct {
	buf  []byte
	addr uintptr
	pin  runtime.Pinner
}

func pinned(b []byte) *bytesArg {
	a := &bytesArg{buf: append(make([]byte, 0, len(b)+1), b...)}
	first := &a.buf[:1][0]
	a.pin.Pin(first)
	a.addr = uintptr(unsafe.Pointer(first))
	return a
}

// release wipes the copy.
func (a *bytesArg) release() {
	clear(a.buf[:cap(a.buf)])
	a.pin.Unpin()
}
