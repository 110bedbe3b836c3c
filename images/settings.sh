# What builds of images take from this machine; sourced by build and context.

# A setting of pip: from its environment variable, else its configuration; files of this machine are of no use inside.
pip_setting() {
  local variable=PIP_$(tr 'a-z-' 'A-Z_' <<<"$1") value
  value=${!variable:-$(python3 -m pip config get "global.$1" 2>/dev/null || true)}
  tr -s ' ' '\n' <<<"$value" | grep -v '^file:' | paste -sd ' ' || true
}

# NAME=VALUE of each setting of pip that an image is built with
pip_arguments() {
  local setting value
  for setting in index-url extra-index-url trusted-host; do
    value=$(pip_setting "$setting")
    [ -z "$value" ] || echo "PIP_$(tr 'a-z-' 'A-Z_' <<<"$setting")=$value"
  done
}

dockerfile_of() {
  [ "$1" = runner ] && echo Dockerfile || echo "images/$1/Dockerfile"
}
