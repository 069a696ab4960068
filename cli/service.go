package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

type serviceCmd struct {
	Install serviceInstallCmd `cmd:"" help:"Write a hardened systemd unit, and start it with --now."`
}

type serviceInstallCmd struct {
	Unit   string `help:"Where to write the unit." default:"/etc/systemd/system/bartizan.service"`
	Binary string `help:"The program to run; without it, this one." placeholder:"FILE"`
	Listen string `help:"Address of the endpoint." default:"${listen}"`
	TLS    bool   `help:"Serve HTTPS."`
	Now    bool   `help:"Reload systemd, enable and start the unit."`
	Print  bool   `help:"Print the unit and write nothing."`
}

// unit runs the server as a user of its own that may do nothing but what it
// needs: write its state directory and listen. See systemd.exec(5).
const unit = `[Unit]
Description=Bartizan, the AWS security stack on your own machines
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=%s serve --data /var/lib/bartizan --listen %s%s --log-format json
DynamicUser=yes
StateDirectory=bartizan
StateDirectoryMode=0700
UMask=0077
Restart=on-failure
LimitNOFILE=65536
LimitCORE=0
LimitMEMLOCK=infinity
AmbientCapabilities=%s
CapabilityBoundingSet=%s
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources

[Install]
WantedBy=multi-user.target
`

func (c *serviceInstallCmd) Run(ctx context.Context, env Env) error {
	binary := c.Binary
	if binary == "" {
		var err error
		if binary, err = os.Executable(); err != nil {
			return err
		}
	}
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	tls, capability := "", ""
	if c.TLS {
		tls = " --tls"
	}
	if privileged(c.Listen) {
		capability = "CAP_NET_BIND_SERVICE"
	}
	text := fmt.Sprintf(unit, binary, c.Listen, tls, capability, capability)
	if c.Print {
		_, err := fmt.Fprint(env.Out, text)
		return err
	}
	if err := os.WriteFile(c.Unit, []byte(text), 0o644); err != nil {
		return fmt.Errorf("%w: run it as root, or see the unit with --print", err)
	}
	fmt.Fprintln(env.Out, "wrote", c.Unit)
	if !c.Now {
		fmt.Fprintln(env.Out, "Next: systemctl daemon-reload && systemctl enable --now", filepath.Base(c.Unit))
		return nil
	}
	return errors.Join(systemctl(ctx, env, "daemon-reload"), systemctl(ctx, env, "enable", "--now", filepath.Base(c.Unit)))
}

func systemctl(ctx context.Context, env Env, args ...string) error {
	cmd := exec.CommandContext(ctx, "systemctl", args...)
	cmd.Stdout, cmd.Stderr = env.Out, env.Err
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("systemctl %s: %w", args[0], err)
	}
	return nil
}
