# syntax=docker/dockerfile:1
# The gateway as an image: built with everything, run with what it needs, not as root.

FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.js ./scripts/
COPY src ./src
RUN npm run build

FROM node:20-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:20-bookworm-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=4000
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
# the history's default place is ./data; everything else stays root's, so the service cannot change itself
RUN mkdir data && chown node:node data
VOLUME /app/data
USER node
EXPOSE 4000
# HOST is open inside the container: the service starts only when callers can show who they are (a key made by
# "keys api" in the same history, API_KEYS or JWKS_URL), or when anybody may read:
#   docker run -e ALLOW_UNAUTHENTICATED=yes -p 127.0.0.1:4000:4000 -v abnormal-data:/app/data …
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((answer) => { process.exitCode = answer.ok ? 0 : 1; }, () => { process.exitCode = 1; })"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--enable-source-maps", "--max-old-space-size=256", "--max-semi-space-size=8", "dist/main.js"]
CMD ["serve"]
