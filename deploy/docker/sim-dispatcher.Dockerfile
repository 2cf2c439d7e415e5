# sim_dispatcher and its launcher: FireWorks, pymongo, tblite and, on x86-64, xtb.
FROM python:3.11-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 libgfortran5 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/atomloop
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY shared shared
COPY sim_dispatcher sim_dispatcher
COPY edge_agent/__init__.py edge_agent/__init__.py
COPY inference_service/__init__.py inference_service/__init__.py
RUN pip install --no-cache-dir -c constraints.txt ".[dispatch]"
WORKDIR /data
USER 10001:10001
ENTRYPOINT ["sim-dispatcher"]
CMD ["run"]
