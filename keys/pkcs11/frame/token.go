package frame

// Token is what the helper tells of a token.
type Token struct {
	Serial string
	Label  string
	Model  string
	Flags  Flags
}

// Flags say in which state a token is.
type Flags byte

// The flags, from CK_TOKEN_INFO.
const (
	Initialized Flags = 1 << iota
	UserPIN           // the user's PIN is set
	UserLocked
	OfficerLocked
	allFlags = 1<<iota - 1
)

// MaxTokens bounds a listing.
const MaxTokens = 256

// AppendTokens appends tokens to buf as the answer to Tokens carries them: for
// each one byte of flags and the fields serial, label, model.
func AppendTokens(buf []byte, tokens []Token) []byte {
	for _, t := range tokens {
		buf = append(buf, byte(t.Flags))
		buf = appendField(buf, t.Serial)
		buf = appendField(buf, t.Label)
		buf = appendField(buf, t.Model)
	}
	return buf
}

// ParseTokens reads what AppendTokens wrote.
func ParseTokens(data []byte) ([]Token, error) {
	var tokens []Token
	for len(data) > 0 {
		if data[0] > allFlags || len(tokens) == MaxTokens {
			return nil, ErrForm
		}
		f := fields(data[1:])
		t := Token{Flags: Flags(data[0]), Serial: string(f.next()), Label: string(f.next()), Model: string(f.next())}
		if f == nil {
			return nil, ErrForm
		}
		tokens = append(tokens, t)
		data = f
	}
	return tokens, nil
}
