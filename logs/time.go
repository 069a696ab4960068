package logs

import (
	"strings"
	"time"
)

// Std returns t as the standard library has it, in UTC.
func (t Time) Std() time.Time { return time.UnixMilli(int64(t)).UTC() }

// TimeOf makes a Time.
func TimeOf(t time.Time) Time { return Time(t.UnixMilli()) }

// Second, Minute and the others are lengths of Time.
const (
	Second Time = 1000
	Minute      = 60 * Second
	Hour        = 60 * Minute
	Day         = 24 * Hour
)

// parseTime reads RFC 3339. The form without fractions, which AWS writes, takes
// the short way.
func parseTime(s string) (Time, bool) {
	if len(s) != 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != 'Z' {
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			// Lake and some exports write a blank instead of the T.
			t, err = time.Parse("2006-01-02 15:04:05.999999999", strings.TrimSuffix(s, " UTC"))
		}
		return TimeOf(t), err == nil
	}
	year, ok0 := two(s, 0)
	y2, ok1 := two(s, 2)
	month, ok2 := two(s, 5)
	day, ok3 := two(s, 8)
	hour, ok4 := two(s, 11)
	minute, ok5 := two(s, 14)
	second, ok6 := two(s, 17)
	year = year*100 + y2
	if !(ok0 && ok1 && ok2 && ok3 && ok4 && ok5 && ok6) || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}
	return Time(days(year, month, day)*86400+hour*3600+minute*60+second) * Second, true
}

func two(s string, i int) (int, bool) {
	a, b := s[i]-'0', s[i+1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}

// days counts the days from 1970 to a date of the Gregorian calendar.
func days(y, m, d int) int {
	if m <= 2 {
		y--
		m += 12
	}
	era := y / 400
	yoe := y - era*400
	doy := (153*(m-3)+2)/5 + d - 1
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}
