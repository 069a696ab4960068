package main

import (
	"errors"
	"fmt"

	"bartizan.dev/keys/pkcs11/frame"
)

// rv is a CK_RV other than CKR_OK.
type rv uintptr

// The return values that mean something to a client (section 5.1 of PKCS#11).
const (
	rvGeneralError         rv = 0x05
	rvFunctionFailed       rv = 0x06
	rvArgumentsBad         rv = 0x07
	rvDeviceError          rv = 0x30
	rvDeviceRemoved        rv = 0x32
	rvEncryptedDataInvalid rv = 0x40
	rvEncryptedDataLen     rv = 0x41
	rvKeyHandleInvalid     rv = 0x60
	rvMechanismInvalid     rv = 0x70
	rvMechanismParam       rv = 0x71
	rvObjectHandleInvalid  rv = 0x82
	rvPINIncorrect         rv = 0xA0
	rvPINInvalid           rv = 0xA1
	rvPINLen               rv = 0xA2
	rvPINLocked            rv = 0xA4
	rvSessionClosed        rv = 0xB0
	rvSessionHandleInvalid rv = 0xB3
	rvSignatureInvalid     rv = 0xC0
	rvTokenNotPresent      rv = 0xE0
	rvUserAlreadyLoggedIn  rv = 0x100
	rvUserNotLoggedIn      rv = 0x101
	rvUserPINNotInit       rv = 0x102
	rvBufferTooSmall       rv = 0x150
)

var rvNames = map[rv]string{
	rvGeneralError: "CKR_GENERAL_ERROR", rvFunctionFailed: "CKR_FUNCTION_FAILED", rvArgumentsBad: "CKR_ARGUMENTS_BAD",
	rvDeviceError: "CKR_DEVICE_ERROR", rvDeviceRemoved: "CKR_DEVICE_REMOVED", rvSessionClosed: "CKR_SESSION_CLOSED", rvEncryptedDataInvalid: "CKR_ENCRYPTED_DATA_INVALID",
	rvEncryptedDataLen: "CKR_ENCRYPTED_DATA_LEN_RANGE", rvKeyHandleInvalid: "CKR_KEY_HANDLE_INVALID",
	rvMechanismInvalid: "CKR_MECHANISM_INVALID", rvMechanismParam: "CKR_MECHANISM_PARAM_INVALID",
	rvObjectHandleInvalid: "CKR_OBJECT_HANDLE_INVALID", rvPINIncorrect: "CKR_PIN_INCORRECT", rvPINInvalid: "CKR_PIN_INVALID",
	rvPINLen: "CKR_PIN_LEN_RANGE", rvPINLocked: "CKR_PIN_LOCKED", rvSessionHandleInvalid: "CKR_SESSION_HANDLE_INVALID",
	rvTokenNotPresent: "CKR_TOKEN_NOT_PRESENT", rvUserAlreadyLoggedIn: "CKR_USER_ALREADY_LOGGED_IN",
	rvUserNotLoggedIn: "CKR_USER_NOT_LOGGED_IN", rvUserPINNotInit: "CKR_USER_PIN_NOT_INITIALIZED",
	rvBufferTooSmall: "CKR_BUFFER_TOO_SMALL", rvSignatureInvalid: "CKR_SIGNATURE_INVALID",
}

func (r rv) Error() string {
	if name, ok := rvNames[r]; ok {
		return name
	}
	return fmt.Sprintf("CKR 0x%X", uintptr(r))
}

// failure is an error that has a status of the protocol.
type failure struct {
	status frame.Status
	text   string
}

func (f *failure) Error() string { return f.text }

func fail(status frame.Status, text string) error { return &failure{status, text} }

// answerTo makes the answer of an error.
func answerTo(err error) *frame.Answer {
	var f *failure
	if errors.As(err, &f) {
		return &frame.Answer{Status: f.status, Text: f.text}
	}
	status := frame.Unavailable
	var r rv
	if errors.As(err, &r) {
		switch r {
		case rvPINIncorrect:
			status = frame.WrongPIN
		case rvPINLocked:
			status = frame.PINLocked
		case rvPINInvalid, rvPINLen:
			status = frame.BadPIN
		case rvUserPINNotInit: // nobody can log in yet: no PIN is right
			status = frame.WrongPIN
		case rvTokenNotPresent:
			status = frame.NoToken
		case rvUserNotLoggedIn:
			status = frame.NotLoggedIn
		}
	}
	text := err.Error()
	return &frame.Answer{Status: status, Text: text[:min(len(text), 512)]}
}
