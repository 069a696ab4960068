package detect

import (
	"math"
	"net/netip"

	"bartizan.dev/logs"
)

// place is where an address is: 32 bytes.
type place struct {
	Network  uint64 // its autonomous system, or without a data base its /16, or /32 in IPv6
	Country  uint64 // 0 when it is not known
	ByASN    bool   // the data base knows whose it is,
	Amazon   bool   // and it is Amazon's
	Located  bool
	Lat, Lon float32
}

// maxPlaces addresses are remembered with what the data base says, which is slow
// beside everything else: 5 MB. They are not saved.
const maxPlaces = 1 << 16

type places struct{ known *Table[place] }

// of asks the data base, if there is one.
func (p places) of(ev *Event, a netip.Addr) place {
	a = a.Unmap()
	if ev.engine.Locate == nil {
		return place{Network: addrHash(prefix(a))}
	}
	v, isNew := p.known.At(addrHash(a))
	if isNew {
		*v = locate(ev, a)
	}
	return *v
}

func prefix(a netip.Addr) netip.Addr {
	bits := 16
	if a.Is6() {
		bits = 32
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr()
}

func locate(ev *Event, a netip.Addr) place {
	v := place{Network: addrHash(prefix(a))}
	var r RemoteIP
	ev.engine.Locate(a, &r)
	if o := r.Organization; o != nil && o.ASN != "" {
		v.Network, v.ByASN = Key("ASN", o.ASN), true
		v.Amazon = o.ASN == "16509" || o.ASN == "14618" || o.ASN == "AS16509" || o.ASN == "AS14618"
	}
	if c := r.Country; c != nil && c.Code+c.Name != "" {
		v.Country = Key(c.Code, c.Name)
	}
	if l := r.Location; l != nil {
		v.Located, v.Lat, v.Lon = true, float32(l.Lat), float32(l.Lon)
	}
	return v
}

// Nobody travels faster, and data bases of places are not more exact.
const (
	fastest = 1000 // km/h
	nearby  = 500  // km
)

// travel notes where a person is, and says whether they cannot have come there
// from where they were.
func (h *habit) travel(t logs.Time, p place) bool {
	if !p.Located {
		return false
	}
	far := false
	if h.Seen != 0 {
		km := distance(h.Lat, h.Lon, p.Lat, p.Lon)
		hours := math.Abs(float64(t-h.Seen)) / float64(logs.Hour)
		far = km > nearby && km > fastest*hours
	}
	if t >= h.Seen {
		h.Seen, h.Lat, h.Lon = t, p.Lat, p.Lon
	}
	return far
}

// distance is the great circle in kilometres, by the haversine formula.
func distance(lat1, lon1, lat2, lon2 float32) float64 {
	const radius, rad = 6371, math.Pi / 180
	a, b := float64(lat1)*rad, float64(lat2)*rad
	x, y := math.Sin((b-a)/2), math.Sin(float64(lon2-lon1)*rad/2)
	return 2 * radius * math.Asin(math.Sqrt(min(1, x*x+math.Cos(a)*math.Cos(b)*y*y)))
}
