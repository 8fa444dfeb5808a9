// Command generate writes the data dictionary and the data model into a
// folder: what make docs calls. It needs the PostgreSQL server binaries, as the
// tests do.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/docs"
	"logto-syncer/internal/postgres"
	"logto-syncer/internal/state"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate FOLDER")
		os.Exit(2)
	}
	if err := generate(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// generate reads the model of a throw-away database that has every migration.
func generate(ctx context.Context, folder string) (err error) {
	server, err := postgres.Start(ctx, postgres.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop(ctx)) }()
	pool, err := pgxpool.New(ctx, server.URL("postgres"))
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer pool.Close()
	if _, err := state.Migrate(ctx, pool); err != nil {
		return err
	}
	model, err := docs.Read(ctx, pool)
	if err != nil {
		return err
	}
	return errors.Join(
		write(filepath.Join(folder, "data-dictionary.md"), model.WriteDictionary),
		write(filepath.Join(folder, "data-model.svg"), model.WritePicture),
	)
}

func write(path string, content func(io.Writer) error) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return content(f)
}
