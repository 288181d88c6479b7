# One image for every service of docker-compose.yml: both web servers, every gateway, the app and the keeper.
# That file gives each service its command.
FROM debian:trixie-slim

# Debian's own python3: Debian's mod_wsgi is built for it.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        apache2-bin fcgiwrap libapache2-mod-fcgid libapache2-mod-php libapache2-mod-wsgi-py3 libapache2-mpm-itk nginx \
        nghttp2-client php-cgi php-fpm python3 python3-venv strace wrk \
 && rm -rf /var/lib/apt/lists/*

# Install before the checkout is copied: a changed line of the checkout then keeps these layers. The hook of setuptools
# would run at every start of Python: each CGI request would pay for it.
COPY requirements.lock /opt/zoo/
RUN python3 -m venv /opt/zoo \
 && /opt/zoo/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /opt/zoo/requirements.lock \
 && rm -f /opt/zoo/lib/python3*/site-packages/distutils-precedence.pth

# A link makes gateway_zoo importable, as natively: the checkout itself is on no path. Python is compiled now: containers
# are read-only, and a CGI program without bytecode takes four times as long.
#
# A checkout may arrive damaged, and the image mends it. A strict umask takes read permission from www-data. A ZIP or a
# FAT stick takes the permission to run from programs. Git for Windows ends lines with a carriage return, and
# `#!/bin/bash` then names another program. Only files without a NUL byte are text.
COPY . /zoo
RUN find /zoo -type f -exec grep -lIZ "$(printf '\r')" {} + | xargs -0r sed -i 's/\r$//' \
 && chmod -R a+rX,go-w /zoo \
 && chmod a+x /zoo/zoo /zoo/docker/* \
 && find /zoo -name '*.cgi' -exec chmod a+x {} + \
 && ln -s /zoo/docker/zoo /usr/local/bin/zoo \
 && ln -s /zoo/gateway_zoo "$(/opt/zoo/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/" \
 && /opt/zoo/bin/python -m compileall -q --invalidation-mode unchecked-hash /zoo \
 && /opt/zoo/bin/python -I -m gateway_zoo.keeper.image /zoo >/opt/zoo/image.json

# A new volume takes its owner from this directory.
RUN install -d -o www-data -g www-data -m 0750 /run/zoo/board

ENV PATH=/opt/zoo/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
    LANG=C.UTF-8 \
    ZOO_RUN=/run/zoo \
    ZOO_COMPOSE=1
USER www-data
WORKDIR /run/zoo/sock
ENTRYPOINT ["python", "-I", "-m", "gateway_zoo.keeper.container"]
