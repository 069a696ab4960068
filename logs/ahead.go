package logs

import "io"

const (
	aheadBlock  = 128 << 10
	aheadBlocks = 4
)

// ahead reads what another goroutine reads from a stream before it is asked for:
// unpacking and reading records take about as long as each other.
type ahead struct {
	blocks <-chan block
	spent  chan<- []byte
	now    block
	rest   []byte
}

type block struct {
	data []byte
	err  error
}

// readAhead reads r until it ends or stop is closed.
func readAhead(r io.Reader, stop <-chan struct{}) io.Reader {
	blocks, spent := make(chan block, aheadBlocks), make(chan []byte, aheadBlocks+2)
	go func() {
		defer close(blocks)
		for {
			var buf []byte
			select {
			case buf = <-spent:
			default:
				buf = make([]byte, aheadBlock)
			}
			n, err := 0, error(nil)
			for n < len(buf) && err == nil {
				var more int
				more, err = r.Read(buf[n:])
				n += more
			}
			select {
			case blocks <- block{buf[:n], err}:
			case <-stop:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return &ahead{blocks: blocks, spent: spent}
}

func (a *ahead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.now.err != nil {
			return 0, a.now.err
		}
		if a.now.data != nil {
			select {
			case a.spent <- a.now.data[:cap(a.now.data)]:
			default:
			}
		}
		next, ok := <-a.blocks
		if !ok {
			return 0, io.ErrClosedPipe
		}
		a.now, a.rest = next, next.data
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}
