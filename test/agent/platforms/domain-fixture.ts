/** A domain with one of everything that a restore has to change. */
export const fullDomain = `<domain type='kvm' id='7' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>web &amp; &apos;db&apos;</name>
  <uuid>4B2E0BDF-c1ae-4c0c-8124-6d5997d31774</uuid>
  <genid>b13bb0cd-0000-4000-8000-000000000001</genid>
  <metadata><app:thing xmlns:app="http://app.example/1" a="b"/></metadata>
  <memory unit='GiB'>2</memory>
  <vcpu placement='static' current='2'>4</vcpu>
  <cputune><shares>512</shares></cputune>
  <sysinfo type='smbios'>
    <system><entry name='manufacturer'>Acme</entry><entry name='uuid'>4b2e0bdf-c1ae-4c0c-8124-6d5997d31774</entry></system>
  </sysinfo>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <kernel>/boot/web-kernel</kernel>
    <loader readonly='yes' secure='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>
    <nvram template='/usr/share/OVMF/OVMF_VARS.fd'>/var/lib/libvirt/qemu/nvram/web_VARS.fd</nvram>
  </os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk' snapshot='external'>
      <driver name='qemu' type='qcow2' discard='unmap'/>
      <source file='/images/web.qcow2' index='3'/>
      <backingStore type='file' index='4'><format type='raw'/><source file='/images/base.raw'/><backingStore/></backingStore>
      <target dev='vda' bus='virtio'/>
      <serial>S-1</serial>
      <boot order='1'/>
    </disk>
    <disk type='block' device='disk'>
      <driver name='qemu' type='raw' cache='none' io='native'/>
      <source dev='/dev/vg/web'/>
      <target dev='sdb' bus='scsi'/>
    </disk>
    <disk type='network' device='disk'>
      <driver name='qemu' type='raw'/>
      <source protocol='rbd' name='pool/image'><host name='mon' port='6789'/></source>
      <target dev='vdc' bus='virtio'/>
    </disk>
    <disk type='file' device='cdrom'>
      <driver name='qemu' type='raw'/>
      <source file='/iso/old.iso'/>
      <target dev='sda' bus='sata'/>
      <readonly/>
    </disk>
    <interface type='network'>
      <mac address='52:54:00:aa:bb:cc'/>
      <source network='default' portid='x' bridge='virbr0'/>
      <target dev='vnet7'/>
      <model type='virtio'/>
    </interface>
    <interface type='bridge'>
      <mac address='52:54:00:aa:bb:cd'/>
      <source bridge='br0'/>
      <virtualport type='openvswitch'><parameters interfaceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/></virtualport>
      <model type='e1000e'/>
    </interface>
    <serial type='pty'><source path='/dev/pts/3'/><log file='/logs/web.log' append='on'/><target port='0'/></serial>
    <serial type='tcp'><source mode='bind' host='0.0.0.0' service='4555'/><protocol type='raw'/><target port='1'/></serial>
    <serial type='file'><source path='/srv/com.out'/><target port='2'/></serial>
    <console type='pty' tty='/dev/pts/3'><source path='/dev/pts/3'/><log file='/logs/web.log' append='on'/><target type='serial' port='0'/></console>
    <channel type='unix'>
      <source mode='bind' path='/var/lib/libvirt/qemu/channel/target/domain-1-web/org.qemu.guest_agent.0'/>
      <target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>
    </channel>
    <channel type='unix'><source mode='bind' path='/run/own/agent.sock'/><target type='virtio' name='own'/></channel>
    <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>
    <graphics type='vnc' port='5901' autoport='no' websocket='5701' listen='127.0.0.1'>
      <listen type='address' address='127.0.0.1'/>
    </graphics>
    <graphics type='vnc' socket='/run/web-vnc.sock'><listen type='socket' socket='/run/web-vnc.sock'/></graphics>
    <vsock model='virtio'><cid auto='no' address='33'/></vsock>
  </devices>
  <seclabel type='dynamic' model='apparmor' relabel='yes'><label>libvirt-x</label></seclabel>
  <seclabel type='dynamic' model='dac' relabel='yes'><label>+64055:+107</label></seclabel>
</domain>
`;
