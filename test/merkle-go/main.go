// Checks an exported log with the Go modules of transparency-dev: checkpoint and co-signature (formats), inclusion and consistency (merkle).
// Reads one JSON document: {dir, origin, key, witness, inclusion: [{index, entry, proof}], consistency: [{size, root, proof}]}.
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
)

func must[T any](v T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return v
}

func hashes(all []string) [][]byte {
	out := make([][]byte, len(all))
	for i, h := range all {
		out[i] = must(hex.DecodeString(h))
	}
	return out
}

func main() {
	var in struct {
		Dir, Origin, Key, Witness string
		Inclusion                 []struct {
			Index uint64
			Entry string
			Proof []string
		}
		Consistency []struct {
			Size  uint64
			Root  string
			Proof []string
		}
	}
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		must(0, err)
	}
	raw := must(os.ReadFile(filepath.Join(in.Dir, "checkpoint")))
	own := must(note.NewVerifier(in.Key))
	witness := must(fnote.NewVerifierForCosignatureV1(in.Witness))
	checkpoint, _, signed, err := log.ParseCheckpoint(raw, in.Origin, own, witness)
	must(0, err)
	if len(signed.Sigs) != 2 {
		must(0, fmt.Errorf("expected 2 known signatures, got %d", len(signed.Sigs)))
	}
	h := rfc6962.DefaultHasher
	for _, p := range in.Inclusion {
		must(0, proof.VerifyInclusion(h, p.Index, checkpoint.Size, h.HashLeaf([]byte(p.Entry)), hashes(p.Proof), checkpoint.Hash))
	}
	for _, p := range in.Consistency {
		must(0, proof.VerifyConsistency(h, p.Size, checkpoint.Size, hashes(p.Proof), must(hex.DecodeString(p.Root)), checkpoint.Hash))
	}
	fmt.Printf("%d %d %d\n", checkpoint.Size, len(in.Inclusion), len(in.Consistency))
}
