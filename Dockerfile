# syntax=docker/dockerfile:1

# The binary is static, so the image holds it, the certificates it checks Logto
# and Postgres with, and the time zones that jobs.yaml names. No shell.
# Build with --build-arg VERSION="$(git describe --tags --always)".
FROM --platform=$BUILDPLATFORM golang:1.26-alpine AS build
RUN apk add --no-cache ca-certificates tzdata
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH
ARG VERSION=unknown
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /out/syncer ./cmd/syncer

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/share/zoneinfo /usr/share/zoneinfo
COPY --from=build /out/syncer /usr/local/bin/syncer
# No name, for there is no /etc/passwd to look it up in.
USER 65532:65532
WORKDIR /etc/syncer
COPY jobs.yaml ./
ENTRYPOINT ["/usr/local/bin/syncer"]
CMD ["--help"]
