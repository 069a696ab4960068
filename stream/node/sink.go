package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"bartizan.dev/detect"
	"bartizan.dev/stream"
)

// Sink takes findings: Options.Sink.
type Sink = func(ctx context.Context, findings []*detect.Finding) error

// Lines writes each finding on a line, in AWS's form.
func Lines(w io.Writer) Sink {
	var mu sync.Mutex
	return func(_ context.Context, findings []*detect.Finding) error {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		for _, f := range findings {
			if err := e.Encode(f); err != nil {
				return err
			}
		}
		mu.Lock()
		defer mu.Unlock()
		_, err := w.Write(b.Bytes())
		return err
	}
}

// Publish puts findings on a log, with their ids as keys: the newest message of a
// key is what holds. Of messages of one finding, the one with the greatest count
// is the newest.
func Publish(l stream.Log) Sink {
	return func(ctx context.Context, findings []*detect.Finding) error {
		messages := make([]stream.Message, 0, len(findings))
		for _, f := range findings {
			body, err := json.Marshal(f)
			if err != nil {
				return err
			}
			messages = append(messages, stream.Message{Key: f.ID, ID: fmt.Sprintf("%s.%d", f.ID, f.Service.Count), Body: body})
		}
		return l.Publish(ctx, messages...)
	}
}

// Both gives findings to several sinks.
func Both(sinks ...Sink) Sink {
	return func(ctx context.Context, findings []*detect.Finding) error {
		for _, s := range sinks {
			if err := s(ctx, findings); err != nil {
				return err
			}
		}
		return nil
	}
}
