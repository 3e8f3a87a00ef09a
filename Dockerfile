# syntax=docker/dockerfile:1
# The gateway as an image: built with everything, run with what it needs, not as root. test/deploy/image.test.ts runs
# these steps without an engine.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.js ./scripts/
COPY src ./src
RUN npm run build

FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev
# what the image contains, for scanners: CycloneDX. With --omit=dev, npm would leave out what a development package needs
# too, such as graphql, so there are none.
RUN npm pkg delete devDependencies && npm sbom --sbom-format=cyclonedx > sbom.cdx.json

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="Abnormal GraphQL gateway" \
    org.opencontainers.image.description="GraphQL over Abnormal Security's REST API, with a history of every version" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.base.name="docker.io/library/node:24-bookworm-slim"
# without MALLOC_ARENA_MAX each thread keeps memory of its own that others cannot use: a tenth more
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=2 \
    HOST=0.0.0.0 \
    PORT=4000
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=packages /app/sbom.cdx.json ./
COPY --from=build /app/dist ./dist
COPY bin ./bin
COPY scripts/build.js ./scripts/
COPY package.json LICENSE ./
COPY docs/oscal.md ./docs/
# the history's default place is ./data; everything else stays root's, so the service cannot change itself, and the root
# file system may be read-only. 1000 is the user "node"; a number, so that Kubernetes can see that it is not root.
RUN mkdir data && chown 1000:1000 data
VOLUME /app/data
USER 1000:1000
EXPOSE 4000
# HOST is open inside the container: the service starts only when callers can show who they are (a key made by
# "keys api" in the same history, API_KEYS or JWKS_URL), or when anybody may read:
#   docker run --read-only --tmpfs /tmp -e ALLOW_UNAUTHENTICATED=yes -p 127.0.0.1:4000:4000 -v abnormal-data:/app/data …
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((answer) => { process.exitCode = answer.ok ? 0 : 1; }, () => { process.exitCode = 1; })"]
STOPSIGNAL SIGTERM
# the heap follows the memory limit of the container
ENTRYPOINT ["node", "--enable-source-maps", "--max-old-space-size=256", "--max-semi-space-size=16", "bin/start.js"]
CMD ["serve"]
