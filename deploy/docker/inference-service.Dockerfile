# inference_service: the detector, REST and the dashboard. Ships ONNX Runtime, no PyTorch.
FROM node:22-slim AS dashboard
WORKDIR /dashboard
COPY inference_service/dashboard/package.json inference_service/dashboard/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY inference_service/dashboard .
RUN npm run build

FROM python:3.11-slim
WORKDIR /opt/atomloop
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY shared shared
COPY inference_service inference_service
COPY --from=dashboard /dashboard/dist inference_service/dashboard/dist
COPY edge_agent/__init__.py edge_agent/__init__.py
COPY sim_dispatcher/__init__.py sim_dispatcher/__init__.py
RUN pip install --no-cache-dir -c constraints.txt -e ".[inference]"
# Compiled kernels of the refinement are cached here; the rest of the image is read-only.
ENV NUMBA_CACHE_DIR=/tmp/numba
WORKDIR /data
USER 10001:10001
ENTRYPOINT ["inference-service"]
CMD ["run"]
