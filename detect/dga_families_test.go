package detect

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Generators of domains as malware has them, written from published descriptions of
// how each family's names are made (alphabet, lengths, suffixes, words), not from
// lists of its names: the numbers behind them are of any generator. None of them was
// used to make dga.bin.
type family struct {
	name string
	make func(r *rand.Rand) string
}

const (
	letters = "abcdefghijklmnopqrstuvwxyz"
	digits  = "0123456789"
)

func some(r *rand.Rand, alphabet string, least, most int) string {
	out := make([]byte, least+r.IntN(most-least+1))
	for i := range out {
		out[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(out)
}

func one(r *rand.Rand, list string) string {
	all := strings.Fields(list)
	return all[r.IntN(len(all))]
}

// plain makes a family of characters drawn evenly.
func plain(name, alphabet string, least, most int, suffixes string) family {
	return family{name, func(r *rand.Rand) string { return some(r, alphabet, least, most) + "." + one(r, suffixes) }}
}

// spoken makes a family of alternating consonants and vowels.
func spoken(name, consonants, vowels string, least, most int, suffixes string) family {
	return family{name, func(r *rand.Rand) string {
		var b strings.Builder
		for i, n := r.IntN(2), least+r.IntN(most-least+1); b.Len() < n; i++ {
			if i%2 == 0 {
				b.WriteByte(consonants[r.IntN(len(consonants))])
			} else {
				b.WriteByte(vowels[r.IntN(len(vowels))])
			}
		}
		return b.String() + "." + one(r, suffixes)
	}}
}

func number(r *rand.Rand) []byte { return []byte(fmt.Sprint(r.Uint64())) }

const consonants = "bcdfghjklmnpqrstvwxz"

var families = []family{
	plain("conficker", letters, 5, 11, "com net org info biz ws cc cn"),
	plain("conficker.c", letters, 4, 9, "ac ae ag am as at be bo bz ca cd ch cl cn co.cr co.id co.il co.ke co.kr co.nz co.ug co.uk co.vi co.za com.ag com.ai com.ar com.br com.bs com.co com.fj com.gh com.gl com.gt com.hn com.jm com.ki com.lc com.mt com.mx com.ng com.ni com.pa com.pe com.pr com.pt com.py com.sv com.tr com.tt com.tw com.ua com.uy com.ve cx cz dj dk dm ec es fm fr gd gr gs gy hk hn ht hu ie im in ir is kn kz la lc li lu lv ly md me mn ms mu mw my nf nl no pe pk pl ps ro ru sc sg sh sk su tc tj tl tn to tw us vc vn"),
	plain("cryptolocker", letters[:25], 12, 15, "com net biz ru org co.uk info"),
	plain("necurs", letters[:25], 7, 21, "tj in jp tw ac cm la mn so sh sc nu nf mu ms mx ki im cx cc tv bz me eu de ru co su pw kz sx us ug ir to ga com net org biz xxx pro bit"),
	plain("ramnit", letters[:25], 8, 19, "com"),
	plain("locky", letters[:25], 5, 17, "ru pw eu in yt pm us fr de it be uk nl tf"),
	{"dyre", func(r *rand.Rand) string {
		h := sha256.Sum256(number(r))
		return some(r, letters, 1, 1) + hex.EncodeToString(h[:])[:33] + "." + one(r, "cc ws to in hk cn tk so")
	}},
	{"bamital", func(r *rand.Rand) string {
		h := md5.Sum(number(r))
		return hex.EncodeToString(h[:]) + "." + one(r, "cz.cc co.cc info")
	}},
	{"murofet", func(r *rand.Rand) string {
		h := md5.Sum(number(r))
		var b strings.Builder
		for _, x := range h {
			for _, c := range []byte{x&0x1f + 'a', x>>3 + 'a'} {
				if c <= 'z' {
					b.WriteByte(c)
				}
			}
		}
		return b.String()[:min(b.Len(), 16)] + "." + one(r, "com net org biz info ru")
	}},
	plain("gameover", letters+digits, 18, 28, "com net org biz"),
	plain("qakbot", letters, 8, 25, "com net org biz info"),
	{"banjori", func(r *rand.Rand) string { return some(r, letters, 4, 4) + "erandbookspelthough.com" }},
	plain("tinba", "abcdefghijklmnopqrstuvwxy", 12, 12, "com net in ru"),
	{"pykspa", func(r *rand.Rand) string {
		var b strings.Builder
		for n := 6 + r.IntN(7); b.Len() < n; {
			b.WriteByte(consonants[r.IntN(len(consonants))])
			if r.IntN(3) > 0 {
				b.WriteByte("aeiouy"[r.IntN(6)])
			}
		}
		return b.String() + "." + one(r, "com net org info biz cc")
	}},
	spoken("simda", "qwrtpsdfghjklzxcvbnm", "eyuioa", 5, 12, "com net org info eu"),
	spoken("symmi", consonants, "aeiouy", 8, 15, "ddns.net"),
	spoken("vawtrak", "bcdfghlmnprstvw", "aeiou", 7, 11, "com"),
	{"volatilecedar", func(r *rand.Rand) string {
		b := []byte("getadobeflashplayer")
		for range 40 {
			i := r.IntN(len(b) - 1)
			b[i], b[i+1] = b[i+1], b[i]
		}
		return string(b) + "." + one(r, "net com org info")
	}},
	{"suppobox", func(r *rand.Rand) string { return one(r, plainWords) + one(r, plainWords) + ".net" }},
	{"matsnu", func(r *rand.Rand) string {
		s := ""
		for i := 0; len(s) < 18; i++ {
			if i%2 == 0 {
				s += one(r, verbs)
			} else {
				s += one(r, nouns)
			}
			if r.IntN(3) == 0 && len(s) < 18 {
				s += "-"
			}
		}
		return strings.TrimSuffix(s, "-") + ".com"
	}},
	{"gozi", func(r *rand.Rand) string {
		s := ""
		for len(s) < 12 {
			s += one(r, declaration)
		}
		return s[:min(len(s), 24)] + "." + one(r, "com ru at")
	}},
	{"bigviktor", func(r *rand.Rand) string {
		return one(r, verbs) + one(r, plainWords) + one(r, nouns) + "." + one(r, "art click club com fans futbol in info link net nl observer one org pictures realty rocks tel top xyz")
	}},
	plain("nymaim", letters, 6, 11, "ru net in com xyz info biz"),
	{"nymaim2", func(r *rand.Rand) string {
		return one(r, plainWords) + one(r, "- - ") + one(r, nouns) + "." + one(r, "com net info pw ru cn in biz com de la cc fr")
	}},
	plain("corebot", "abcdefghijklmnopqrstuvwxy012345678", 12, 23, "ddns.net"),
	plain("fobber", letters, 17, 17, "net"),
	plain("fobber.b", letters, 10, 10, "com"),
	plain("padcrypt", "abcdefnolmk", 16, 16, "com co.uk de org net eu info online co cc website"),
	plain("ranbyus", letters[:25], 14, 17, "in me cc su tw net com pw org"),
	plain("rovnix", letters+"12345678", 18, 18, "net com ru"),
	plain("shiotob", "qwertyuiopasdfghjklzxcvbnm123945678", 14, 19, "net com"),
	plain("chinad", letters+digits, 16, 16, "com org net biz info ru cn"),
	plain("proslikefan", letters, 6, 12, "eu biz se info com net org ru in name"),
	{"kraken", func(r *rand.Rand) string {
		return some(r, "aeiouy", 1, 1) + some(r, consonants, 1, 2) + some(r, "aeiouy", 1, 1) + some(r, consonants, 1, 2) + some(r, "aeiou", 1, 1) + some(r, consonants, 0, 2) + one(r, "able dom hood ment ship tion ness ry ly") + "." + one(r, "dyndns.org yi.org mooo.com com cc net tv")
	}},
	{"monerodownloader", func(r *rand.Rand) string {
		h := md5.Sum(number(r))
		return hex.EncodeToString(h[:])[:13] + "." + one(r, "org tickets blackfriday hosting feedback")
	}},
	plain("qsnatch", letters+digits, 3, 6, "cc ws com net org info biz xyz top rocks mx name"),
	{"charbot", func(r *rand.Rand) string {
		b := []byte(one(r, brands))
		for range 2 {
			b[r.IntN(len(b))] = (letters + digits)[r.IntN(36)]
		}
		return string(b) + "." + one(r, "com net org info biz")
	}},
	plain("infy", digits+"abcdef", 8, 8, "space net top"),
	plain("orchard", digits+"abcdef", 8, 8, "com net org duckdns.org"),
	spoken("pushdo", consonants, "aeiou", 9, 12, "kz com ru"),
	{"ccleaner", func(r *rand.Rand) string { return "ab" + some(r, digits+"abcdef", 8, 12) + ".com" }},
	plain("mirai", letters, 12, 12, "online tech support"),
	plain("tempedreve", letters, 7, 11, "com net org info"),
	plain("enviserv", digits+"abcdef", 10, 10, "com net org info biz in name"),
	plain("oderoor", letters, 7, 11, "com net dynserv.com yi.org"),
	plain("sisron", "abcdefghij", 12, 12, "com org net info"),
	plain("vidro", letters, 7, 12, "com net dyndns.org"),
	plain("fosniw", letters, 8, 8, "com biz"),
	plain("zloader", letters[:25], 20, 20, "com"),
	plain("emotet", letters[:25], 16, 16, "eu"),
	plain("tinynuke", digits+"abcdef", 32, 32, "com top"),
	plain("gspy", digits+"abcdef", 16, 16, "net com"),
	plain("bazar", "abcdefghiklmnopqrstuvwxyz", 12, 12, "bazar"),
	plain("dircrypt", letters, 8, 20, "com"),
	plain("madmax", letters+digits, 10, 10, "org net info com"),
	{"bedep", func(r *rand.Rand) string { return some(r, letters, 11, 17) + some(r, digits+letters, 1, 1) + ".com" }},
	{"tofsee", func(r *rand.Rand) string {
		s := some(r, letters, 3, 4)
		return s + s[:3] + some(r, "abcdefghij", 1, 1) + "." + one(r, "ch biz")
	}},
	{"pitou", func(r *rand.Rand) string {
		return some(r, consonants, 1, 1) + some(r, "aeiou", 1, 1) + some(r, consonants, 1, 2) + some(r, "aeiou", 1, 2) + some(r, consonants, 1, 2) + some(r, "aeiou", 1, 2) + "." + one(r, "com org biz net info mobi us name me")
	}},
}

const brands = "google facebook youtube amazon wikipedia twitter instagram linkedin netflix reddit microsoft office yahoo bing ebay apple pinterest wordpress github stackoverflow tumblr dropbox spotify paypal imdb walmart target craigslist zillow yelp expedia booking airbnb tripadvisor salesforce adobe slack zoom shopify cloudflare etsy quora medium vimeo twitch espn weather nytimes guardian forbes bloomberg reuters telegraph samsung oracle alibaba baidu tencent taobao"

const plainWords = "morning children through heaven length trade nothing little mother father strength degree captain suffer summer winter forest garden window school family picture machine balance between building business carefully certain company complete condition consider country daughter december difficult discover distance electric english evening experience experiment explain february figure foreign forward freedom gentle glass growth happen heavy history husband increase indeed island journey justice kitchen knowledge language laughter leader leather letter likely listen machine market material measure member method middle military minute moment mountain movement national natural necessary neighbor nobody notice number object office opinion ordinary outside partial pattern period person planet pleasant position possible power prepare present pretty probable problem produce promise purpose quarter question quiet reason receive record remember require result return river season second sentence service several shoulder simple single situation society soldier special spread station strange stream street student sudden suppose surface surprise system temple thought thousand together tomorrow toward travel trouble twelve understand united valley various village visit voice weather welcome wheel whether woman wonder wooden yellow"

const verbs = "accept allow answer appear apply arrive attack avoid become begin believe belong break build carry catch change charge choose claim clean clear climb close collect complain complete connect consider contain control correct count cover create damage dance decide deliver demand deny depend describe design destroy develop discuss divide drive enable encourage enjoy examine exist expect express extend fight fill follow forget gain gather grow handle happen hate help hide imagine improve include indicate influence inform introduce invite involve join jump keep knock laugh lead learn leave lend limit link listen manage mark matter measure mention mind move notice obtain offer operate order paint perform permit plan play point prefer prepare press prevent promise protect prove publish pull push raise reach"

const nouns = "account action advice agency amount animal anxiety area argument army artist assistance attitude audience author balance basis basket bathroom bedroom benefit bird blood board boat bonus book bread bridge brother budget building camera cancer candidate career cell chapter charity chest child church cigarette city class client climate coffee college committee community computer concept contract cookie country county courage cousin culture currency customer database debt decision definition delivery democracy department depth device difference dinner direction disaster disease drama drawing economics editor education effort election emotion employee employer energy engine entry environment equipment error estate event exam example exchange expression extent failure farmer feedback finding"

const declaration = "when in the course of human events it becomes necessary for one people to dissolve political bands which have connected them with another and assume among powers earth separate equal station laws nature god entitle decent respect opinions mankind requires that they should declare causes impel separation hold these truths self evident all men are created endowed their creator certain unalienable rights life liberty pursuit happiness secure governments instituted deriving just from consent governed whenever any form government destructive ends right alter abolish institute new laying its foundation such principles organizing seem most likely effect safety prudence indeed will dictate long established changed light transient"
