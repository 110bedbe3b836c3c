# The runner: yadage, the Docker client and this workflow, for a machine that has nothing but Docker.
# `make images` builds it. It starts the containers of the steps beside itself, through the socket of the
# engine, so folders must have the same path inside and outside. In a folder with inputs.yml and inputdata/:
#
#     docker run --rm -it -u $(id -u):$(id -g) --group-add $(stat -c %g /var/run/docker.sock) \
#         -v /var/run/docker.sock:/var/run/docker.sock -v "$PWD:$PWD" -w "$PWD" scalesmear/runner:0.1.0 \
#         scalesmear run workdir /opt/workflow/workflow.yml inputs.yml --inputdata inputdata --runtime docker

FROM python:3.13-slim-trixie AS requirements

ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

COPY requirements-runner.txt /build/
RUN python -m venv --without-pip /opt/runner \
    && python -m pip --python /opt/runner/bin/python install --requirement /build/requirements-runner.txt


FROM python:3.13-slim-trixie AS package

ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

COPY pyproject.toml README.md LICENSE /build/
COPY code /build/code
RUN python -m pip wheel --no-deps --wheel-dir /wheel /build


FROM python:3.13-slim-trixie

RUN apt-get update \
    && apt-get install --yes --no-install-recommends docker-cli \
    && rm -rf /var/lib/apt/lists/*

COPY --from=requirements /opt/runner /opt/runner
COPY --from=package /wheel /wheel
RUN python -m pip --python /opt/runner/bin/python install --no-deps --no-index /wheel/*.whl \
    && rm -rf /wheel

ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="scalesmear runner" \
      org.opencontainers.image.description="yadage with the electron scale and smearing derivation" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="MIT"

ENV PATH=/opt/runner/bin:$PATH LANG=C.UTF-8 HOME=/tmp
COPY workflow.yml fit.yml no_fit.yml other_simulation.yml no_other_simulation.yml injection.yml steps.yml inputs.yml \
    injection_inputs.yml /opt/workflow/
RUN yadage-run --help >/dev/null && scalesmear --help >/dev/null && docker --version

USER nobody
WORKDIR /tmp
CMD ["scalesmear", "--help"]
