# Two commands: `make demo` runs the main job, `make test` the tests. Each does its own set-up.
# Without make: see "Without make" in README.md.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test install system strace sshd disks clean

demo: $(VENV)/.installed
	$(BIN)/preserve demo

test: $(VENV)/.installed-test strace sshd disks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

install: $(VENV)/.installed

$(VENV)/bin/python:
	@$(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || $(MAKE) system
	$(PYTHON) -m venv $(VENV)

# The power-cut tests record real writes with it. Where it is missing and cannot be installed, they say so.
strace:
	@command -v strace >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& apt-get update -q && apt-get install -y -q strace; } || echo "strace is missing: power-cut tests will say so"

# The tests of SFTP ask a real OpenSSH server. Where it is missing and cannot be installed, they say so.
sshd:
	@PATH="$$PATH:/usr/sbin" command -v sshd >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& apt-get update -q && apt-get install -y -q openssh-server; } \
		|| echo "sshd is missing: the tests of SFTP will say so"

# Names are tried on real NTFS and FAT, by FUSE. Where these are missing and cannot be installed, CI
# fails, and elsewhere there are fewer tests.
disks:
	@{ command -v lowntfs-3g && command -v fusefat; } >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& apt-get update -q && apt-get install -y -q ntfs-3g dosfstools fusefat; } \
		|| echo "ntfs-3g or fusefat is missing: there are fewer tests of names on real disks"

# Where Python or its venv is missing (Debian ships it apart). As root, or say what to install.
system:
	@command -v apt-get >/dev/null || { echo "Python 3.11 or newer with venv is needed."; exit 2; }
	@[ "$$(id -u)" = 0 ] || { echo "Please run: sudo apt-get install python3 python3-venv"; exit 2; }
	apt-get update -q && apt-get install -y -q python3 python3-venv

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[formats]"
	touch $@

$(VENV)/.installed-test: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[formats,test]"
	touch $(VENV)/.installed $@

clean:
	rm -rf $(VENV) build *.egg-info
