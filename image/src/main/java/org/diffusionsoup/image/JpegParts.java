package org.diffusionsoup.image;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The parts of a JPEG file that decide about its pixels. The JDK takes a picture without JFIF
 * marker for RGB where libjpeg takes it for YCbCr, applies no EXIF and stumbles over damaged
 * profiles, so it is given the picture alone with the markers that say what libjpeg would assume.
 *
 * @param picture a JPEG file of the picture alone
 * @param components 1 grey, 3 colours, 4 CMYK or YCCK; 0 if the file has no frame
 * @param adobe the colour transform of Adobe's marker: 0 none, 1 YCbCr, 2 YCCK; -1 without marker
 * @param orientation from the first EXIF marker
 */
record JpegParts(byte[] picture, int components, int adobe, int orientation) {
    private static final int APP0 = 0xe0;
    private static final int APP15 = 0xef;
    private static final int COMMENT = 0xfe;
    private static final int START_OF_SCAN = 0xda;

    static JpegParts of(byte[] file) {
        ByteArrayOutputStream body = new ByteArrayOutputStream(file.length);
        int components = 0;
        String ids = "";
        int adobe = -1;
        int orientation = Orientation.UPRIGHT;
        boolean jfif = false;
        boolean exif = false;
        int at = 2;
        while (at + 4 <= file.length && (file[at] & 0xff) == 0xff) {
            int marker = file[at + 1] & 0xff;
            if (marker == 0xff) {
                at++;
                continue;
            }
            int length = (file[at + 2] & 0xff) << 8 | file[at + 3] & 0xff;
            int end = at + 2 + length;
            if (marker == START_OF_SCAN || length < 2 || end > file.length) {
                break;
            }
            if (marker == 0xe0) {
                jfif |= Orientation.startsWith(file, at + 4, "JFIF\0");
            } else if (marker == 0xe1 && !exif && Orientation.startsWith(file, at + 4, "Exif\0")) {
                exif = true;
                orientation = Orientation.ofExif(Arrays.copyOfRange(file, at + 4, end));
            } else if (marker == 0xee
                    && length >= 14
                    && Orientation.startsWith(file, at + 4, "Adobe")) {
                adobe = file[at + 15] & 0xff;
            } else if (isFrame(marker) && length >= 8) {
                components = file[at + 9] & 0xff;
                StringBuilder names = new StringBuilder();
                for (int c = 0; c < components && at + 10 + 3 * c < end; c++) {
                    names.append((char) (file[at + 10 + 3 * c] & 0xff));
                }
                ids = names.toString();
            }
            if ((marker < APP0 || marker > APP15) && marker != COMMENT) {
                body.write(file, at, end - at);
            }
            at = end;
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream(file.length + 32);
        out.write(file, 0, 2);
        // libjpeg's order of belief: JFIF, then Adobe, then the components' names.
        if (components == 3) {
            boolean rgb = !jfif && (adobe == 0 || adobe < 0 && ids.equals("RGB"));
            out.writeBytes(rgb ? adobeMarker(0) : jfifMarker());
        } else if (components == 4) {
            out.writeBytes(adobeMarker(0));
        }
        out.writeBytes(body.toByteArray());
        out.write(file, Math.min(at, file.length), Math.max(0, file.length - at));
        return new JpegParts(out.toByteArray(), components, adobe, orientation);
    }

    private static boolean isFrame(int marker) {
        return marker >= 0xc0
                && marker <= 0xcf
                && marker != 0xc4
                && marker != 0xc8
                && marker != 0xcc;
    }

    private static byte[] jfifMarker() {
        return "\u00ff\u00e0\0\u0010JFIF\0\1\1\0\0\1\0\1\0\0".getBytes(StandardCharsets.ISO_8859_1);
    }

    private static byte[] adobeMarker(int transform) {
        return ("\u00ff\u00ee\0\u000eAdobe\0d\0\0\0\0" + (char) transform)
                .getBytes(StandardCharsets.ISO_8859_1);
    }
}
