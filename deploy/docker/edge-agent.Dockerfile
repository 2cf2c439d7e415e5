# edge_agent: beside the microscope. Ships the base packages and the readers of image files.
# rosettasciio, in the extra [files], is GPL-3.0; so is everything in [nion], added by
#   --build-arg EXTRAS=edge,files,nion
FROM python:3.11-slim
ARG EXTRAS=edge,files
WORKDIR /opt/atomloop
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY shared shared
COPY edge_agent edge_agent
COPY inference_service/__init__.py inference_service/__init__.py
COPY sim_dispatcher/__init__.py sim_dispatcher/__init__.py
RUN pip install --no-cache-dir -c constraints.txt ".[${EXTRAS}]"
WORKDIR /data
USER 10001:10001
ENTRYPOINT ["edge-agent"]
CMD ["run"]
