package acm

import (
	"context"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net/http"
	"strings"
	"time"

	acmapi "bartizan.dev/api/acm"
	"bartizan.dev/pki"
	"bartizan.dev/store"
)

// The embedded authority of a Region: a root, used once, and the issuer below
// it. Their keys are KMS's.
type authorityRecord struct {
	Root, Issuer []byte // DER
}

type revocation struct {
	At     time.Time
	Reason int
	Until  time.Time // the certificate's end: a list need not name it afterwards
}

type authority struct {
	root   *x509.Certificate
	issuer *pki.Authority
}

const (
	listLife   = 7 * pki.Day
	answerLife = pki.Day
	authors    = "/_bartizan/acm/" // where lists, answers and certificates of authorities are
)

func (s *Service) authority(ctx context.Context, region string) (*authority, error) {
	rec, err := s.authorities.Get(ctx, s.Store, region)
	if errors.Is(err, store.ErrNotFound) {
		rec, err = s.found(ctx, region)
	}
	if err != nil {
		return nil, err
	}
	a := &authority{issuer: new(pki.Authority)}
	if a.root, err = x509.ParseCertificate(rec.Root); err != nil {
		return nil, err
	}
	if a.issuer.Certificate, err = x509.ParseCertificate(rec.Issuer); err != nil {
		return nil, err
	}
	if a.issuer.Signer, err = s.Sign(ctx, region, "issuer"); err != nil {
		return nil, err
	}
	if url := s.URL(); url != "" {
		url += authors + region
		a.issuer.CRL, a.issuer.OCSP, a.issuer.Issuer = url+"/list.crl", url+"/ocsp", url+"/issuer.cer"
	}
	return a, nil
}

// found makes the authority of a Region. Two nodes may: the first to write wins.
func (s *Service) found(ctx context.Context, region string) (*authorityRecord, error) {
	root := new(pki.Authority)
	var err error
	if root.Signer, err = s.Sign(ctx, region, "root"); err != nil {
		return nil, err
	}
	issuer, err := s.Sign(ctx, region, "issuer")
	if err != nil {
		return nil, err
	}
	now := s.now()
	make := func(p *pki.Profile, public crypto.PublicKey, name string) (*x509.Certificate, error) {
		l, err := root.Lint(&pki.Request{Profile: p, Public: public, NotBefore: now.Add(-time.Hour), Subject: pkix.Name{
			Country: []string{"US"}, Organization: []string{"Bartizan"}, CommonName: name + " " + region,
		}})
		if err != nil {
			return nil, err
		}
		return root.Issue(l)
	}
	if root.Certificate, err = make(pki.Root(), root.Signer.Public(), "Bartizan Root"); err != nil {
		return nil, err
	}
	under, err := make(pki.Intermediate(0), issuer.Public(), "Bartizan Issuer")
	if err != nil {
		return nil, err
	}
	rec := &authorityRecord{Root: root.Certificate.Raw, Issuer: under.Raw}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		there, err := s.authorities.Get(ctx, tx, region)
		if err == nil {
			rec = there
			return nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return s.authorities.Insert(ctx, tx, region, rec)
	})
	return rec, err
}

// sign issues a certificate for names.
func (a *authority) sign(public crypto.PublicKey, names []string, p *pki.Profile, now time.Time) (*x509.Certificate, error) {
	l, err := a.issuer.Lint(&pki.Request{Profile: p, Public: public, NotBefore: now, Subject: pkix.Name{CommonName: names[0]}, DNSNames: names})
	if err != nil {
		return nil, err
	}
	return a.issuer.Issue(l)
}

// Handler answers what certificates point to: the issuer, its list, and OCSP
// (RFC 6960, appendix A.1). Whoever asks is answered.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+authors+"{region}/{file}", func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, func(a *authority) (kind string, body []byte, err error) {
			switch r.PathValue("file") {
			case "issuer.cer":
				return "application/pkix-cert", a.issuer.Certificate.Raw, nil
			case "root.pem":
				return "application/x-pem-file", pki.Encode(a.root), nil
			case "list.crl":
				body, err = s.list(r.Context(), r.PathValue("region"), a)
				return "application/pkix-crl", body, err
			}
			return "", nil, nil
		})
	})
	mux.HandleFunc("POST "+authors+"{region}/ocsp", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, pki.MaxOCSP))
		if err != nil {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		s.serve(w, r, func(a *authority) (string, []byte, error) {
			body, err := s.answer(r.Context(), r.PathValue("region"), a, body)
			return "application/ocsp-response", body, err
		})
	})
	return mux
}

// serve answers for the authority of a Region, if there is one: asking founds
// none.
func (s *Service) serve(w http.ResponseWriter, r *http.Request, f func(*authority) (kind string, body []byte, err error)) {
	region := r.PathValue("region")
	if _, err := s.authorities.Get(r.Context(), s.Store, region); err != nil {
		http.NotFound(w, r)
		return
	}
	a, err := s.authority(r.Context(), region)
	var kind string
	var body []byte
	if err == nil {
		kind, body, err = f(a)
	}
	switch {
	case err != nil:
		s.Log.Error("an authority could not answer", "region", region, "cause", err)
		http.Error(w, "the authority cannot answer now", http.StatusInternalServerError)
	case kind == "":
		http.NotFound(w, r)
	default:
		w.Header().Set("Content-Type", kind)
		if _, err := w.Write(body); err != nil {
			s.Log.Debug("an asker went away", "cause", err)
		}
	}
}

// list signs the list of what the authority took back and has not ended since.
func (s *Service) list(ctx context.Context, region string, a *authority) ([]byte, error) {
	all, err := s.revocations.List(ctx, s.Store, region+"/", "", 0)
	if err != nil {
		return nil, err
	}
	now := s.now()
	var revoked []pki.Revoked
	for _, e := range all {
		if serial, ok := new(big.Int).SetString(strings.TrimPrefix(e.ID, region+"/"), 16); ok && now.Before(e.Value.Until) {
			revoked = append(revoked, pki.Revoked{Serial: serial, At: e.Value.At, Reason: e.Value.Reason})
		}
	}
	return a.issuer.List(big.NewInt(now.Unix()), now, listLife, revoked)
}

// answer says what is known of a certificate.
func (s *Service) answer(ctx context.Context, region string, a *authority, request []byte) ([]byte, error) {
	serial, err := a.issuer.Asked(request)
	if err != nil {
		return pki.Malformed, nil
	}
	id := region + "/" + serial.Text(16)
	var r *pki.Revoked
	switch rec, err := s.revocations.Get(ctx, s.Store, id); {
	case err == nil:
		r = &pki.Revoked{Serial: serial, At: rec.At, Reason: rec.Reason}
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	known, err := s.certificates.By(ctx, s.Store, bySerial, id, "", 1)
	if err != nil {
		return nil, err
	}
	return a.issuer.Answer(serial, len(known) > 0, r, s.now(), answerLife)
}

// reasons are RFC 5280 5.3.1's numbers of AWS's names.
var reasons = map[acmapi.RevocationReason]int{
	acmapi.RevocationReason_UNSPECIFIED: 0, acmapi.RevocationReason_KEY_COMPROMISE: 1, acmapi.RevocationReason_CA_COMPROMISE: 2,
	acmapi.RevocationReason_AFFILIATION_CHANGED: 3, acmapi.RevocationReason_SUPERCEDED: 4, acmapi.RevocationReason_SUPERSEDED: 4,
	acmapi.RevocationReason_CESSATION_OF_OPERATION: 5, acmapi.RevocationReason_PRIVILEGE_WITHDRAWN: 9, acmapi.RevocationReason_A_A_COMPROMISE: 10,
}
