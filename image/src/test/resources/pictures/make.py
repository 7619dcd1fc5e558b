"""Makes the pictures of this folder and, with Pillow 9.4.0, what they must decode to."""
import hashlib, io, os
import numpy as np
from PIL import Image, ImageOps
os.chdir(os.path.dirname(os.path.abspath(__file__)))
r=np.random.RandomState(1)
base=np.kron(r.randint(0,256,(9,13,4)),np.ones((3,3,1))).astype('u1')[:25,:37]
base=((base.astype(int)+r.randint(-9,9,base.shape)).clip(0,255)).astype('u1')
rgb=Image.fromarray(base[...,:3]); rgba=Image.fromarray(base,'RGBA'); L=Image.fromarray(base[...,0]); LA=Image.fromarray(base[...,:2],'LA')
def ex(o,big=False):
    e=Image.Exif(); e[0x0112]=o
    if big: e.endian='>'
    return e
for o in range(1,9):
    for s in (0,1,2): rgb.save(f'j{o}-{s}.jpg',quality=90,exif=ex(o),subsampling=s)
    rgb.save(f'jb{o}.jpg',quality=90,exif=ex(o,True))
    rgba.save(f'p{o}.png',exif=ex(o,o%2==0)); rgb.save(f't{o}.tif',tiffinfo={274:o})
    rgb.save(f'tl{o}.tif',tiffinfo={274:o},compression='tiff_lzw'); L.save(f'tg{o}.tif',tiffinfo={274:o},compression='tiff_adobe_deflate')
    rgb.save(f'w{o}.webp',exif=ex(o),lossless=True)
rgb.save('prog.jpg',progressive=True,quality=85); L.save('grey.jpg'); rgb.convert('CMYK').save('cmyk.jpg',quality=95)
LA.save('la.png'); L.save('l.png'); L.save('lt.png',transparency=int(base[3,3,0])); rgb.save('rt.png',transparency=tuple(int(v) for v in base[4,4,:3]))
for b in (1,2,4):
    q=Image.fromarray((base[...,0]>>(8-b)),'P'); q.putpalette([(i*53+c*70)%256 for i in range(1<<b) for c in range(3)]); q.save(f'pal{b}.png',bits=b); q.save(f'palt{b}.png',bits=b,transparency=bytes((i*77)%256 for i in range(1<<b)))
q=rgb.quantize(200); q.save('pal8.png'); q.save('palt8.png',transparency=bytes(r.randint(0,256,200).tolist())); q.save('palt1.png',transparency=3)
q.save('g.gif'); q.save('gt.gif',transparency=5)
L.convert('1').save('one.png'); L.convert('1').save('one.tif'); L.convert('1').save('one.bmp'); L.save('l.bmp'); rgb.save('rgb.bmp'); q.save('p.bmp'); rgba.save('a.bmp')
rgba.save('a.tif'); LA.save('la.tif'); q.save('p.tif'); rgb.convert('CMYK').save('cmyk.tif'); rgb.convert('YCbCr').save('ycc.tif')
Image.fromarray((base[...,0].astype('u2')*257)).save('i16.png'); Image.fromarray((base[...,0].astype('u2')*256+base[...,1])).save('i16b.tif')
rgb.save('nojfif.jpg',quality=90,subsampling=0)
d=open('nojfif.jpg','rb').read(); assert d[2:4]==b'\xff\xe0'; l=d[4]*256+d[5]; open('nojfif.jpg','wb').write(d[:2]+d[4+l:])
rgb.save('icc.jpg',icc_profile=b'junk profile'*20)
# raw png: interlaced + 16 bit + tRNS, grey 1/2/4 bits with tRNS
import zlib,struct
def chunk(t,b): return struct.pack('>I',len(b))+t+b+struct.pack('>I',zlib.crc32(t+b))
def png(n,w,h,depth,ct,rows,extra=b'',inter=0): open(n,'wb').write(b'\x89PNG\r\n\x1a\n'+chunk(b'IHDR',struct.pack('>IIBBBBB',w,h,depth,ct,0,0,inter))+extra+chunk(b'IDAT',zlib.compress(rows))+chunk(b'IEND',b''))
def pack(a,depth):
    bits=((a[...,None]>>np.arange(depth-1,-1,-1))&1).reshape(a.shape[0],-1); return b''.join(b'\0'+np.packbits(x).tobytes() for x in bits)
for dpt in (1,2,4):
    a=base[...,0]>>(8-dpt); png(f'gd{dpt}.png',37,25,dpt,0,pack(a,dpt)); png(f'gdt{dpt}.png',37,25,dpt,0,pack(a,dpt),chunk(b'tRNS',struct.pack('>H',1)))
def pack8(a): return b''.join(b'\0'+x.tobytes() for x in a.reshape(a.shape[0],-1))
passes=[(0,0,8,8),(4,0,8,8),(0,4,4,8),(2,0,4,4),(0,2,2,4),(1,0,2,2),(0,1,1,2)]
def inter(a): return b''.join(pack8(a[y::dy,x::dx]) for x,y,dx,dy in passes if a[y::dy,x::dx].size)
png('inter.png',37,25,8,6,inter(base),inter=1); png('inter3.png',37,25,8,2,inter(np.ascontiguousarray(base[...,:3])),inter=1)
b16=(base.astype('>u2')*256+base[...,::-1]).astype('>u2')
png('rgba16.png',37,25,16,6,pack8(b16)); png('rgb16.png',37,25,16,2,pack8(np.ascontiguousarray(b16[...,:3]))); png('la16.png',37,25,16,4,pack8(np.ascontiguousarray(b16[...,:2])))
# raw profile & xmp
from PIL import PngImagePlugin as P
e=ex(6).tobytes(); h=e.hex(); i=P.PngInfo(); i.add_text('Raw profile type exif','\nexif\n%8d\n'%len(e)+'\n'.join(h[k:k+72] for k in range(0,len(h),72))+'\n',zip=True); rgb.save('raw6.png',pnginfo=i)
i=P.PngInfo(); i.add_itxt('XML:com.adobe.xmp','<x tiff:Orientation="8"/>'); rgb.save('xmp8.png',pnginfo=i)
# a frame of 2 x 1 on a screen of 4 x 3, without and with a transparent colour
pal=bytes([10,20,30,200,0,0,0,200,0,0,0,200]); frame=b'\x2c'+struct.pack('<HHHHB',1,1,2,1,0)+bytes([2,2,0x8c,0x0a,0])+b'\x3b'
for n,control in (('gif-frame-on-screen.gif',b''),('gif-frame-on-screen-transparent.gif',b'\x21\xf9\x04\x01\0\0\x03\0')):
    open(n,'wb').write(b'GIF89a'+struct.pack('<HHBBB',4,3,0x81,0,0)+pal+control+frame)
# RGB with a fourth sample that the file says nothing of (ExtraSamples 0)
tags=[(256,3,1,2),(257,3,1,1),(258,3,4,134),(259,3,1,1),(262,3,1,2),(273,4,1,150),(277,3,1,4),(278,3,1,1),(279,4,1,8),(338,3,1,0)]
open('tiff-rgb-and-unspecified.tif','wb').write(b'II*\0'+struct.pack('<IH',8,len(tags))+b''.join(struct.pack('<HHI',t,ty,c)+(struct.pack('<HH',v,0) if ty==3 and c==1 else struct.pack('<I',v)) for t,ty,c,v in tags)+struct.pack('<I',0)+struct.pack('<8H',*[8]*4,*[1]*4)+bytes([27,120,65,10,200,100,50,0]))
# inks without Adobe's marker, which PIL takes for inverted all the same
o=io.BytesIO(); Image.new('CMYK',(8,8),(200,100,150,30)).save(o,'JPEG',quality=95); d=o.getvalue(); at=d.find(b'\xff\xee')
open('cmyk-without-marker.jpg','wb').write(d[:at]+d[at+2+struct.unpack('>H',d[at+2:at+4])[0]:])
# file, width, height, sha256 of the RGB bytes: upright, over white, 16 bits cut to their upper 8
kept = {l.split()[0] for l in open('expected.txt')} if os.path.exists('expected.txt') else set(os.listdir('.'))
lines = []
for f in sorted(kept):
    im = ImageOps.exif_transpose(Image.open(f))
    if im.mode.startswith('I'):
        im = Image.fromarray((np.array(im).astype(int) >> 8).astype('u1'))
    im = im.convert('RGB').convert('RGBA') if im.mode in ('CMYK', 'YCbCr') else im.convert('RGBA')
    flat = Image.alpha_composite(Image.new('RGBA', im.size, 'white'), im).convert('RGB')
    lines.append('%s %d %d %s\n' % (f, *flat.size, hashlib.sha256(flat.tobytes()).hexdigest()))
open('expected.txt', 'w').writelines(lines)
