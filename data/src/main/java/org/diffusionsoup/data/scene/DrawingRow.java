package org.diffusionsoup.data.scene;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.data.TarWriter;
import org.diffusionsoup.image.PngCodec;

/** A drawing with its picture's file, as it stands in a tar. */
record DrawingRow(Drawing drawing, byte[] png) {
    static DrawingRow of(Drawing drawing) {
        ArgbImage image = drawing.image();
        return new DrawingRow(
                drawing, PngCodec.encode(image.width(), image.height(), image.argb()));
    }

    static DrawingRow read(String key, JsonNode node, ArgbImage image, byte[] png) {
        return new DrawingRow(
                new Drawing(
                        key,
                        node.path("subject").asText(),
                        node.path("provider").asText(),
                        node.path("style").asText(),
                        node.path("artist").asText(),
                        node.path("title").asText(),
                        node.path("licence").asText(),
                        node.path("source").asText(),
                        image),
                png);
    }

    void write(OutputStream out) throws IOException {
        TarWriter.entry(out, drawing.key() + ".json", json());
        TarWriter.entry(out, drawing.key() + ".png", png);
    }

    private byte[] json() {
        ObjectNode node = JsonMappers.PLAIN.createObjectNode();
        node.put("subject", drawing.subject());
        node.put("provider", drawing.provider());
        node.put("style", drawing.style());
        node.put("artist", drawing.artist());
        node.put("title", drawing.title());
        node.put("licence", drawing.licence());
        node.put("source", drawing.source());
        node.put("sha256", Hashes.sha256Hex(png));
        try {
            return JsonMappers.PLAIN.writeValueAsString(node).getBytes(StandardCharsets.UTF_8);
        } catch (JsonProcessingException e) {
            throw new SoupException("drawing " + drawing.key() + " cannot be written as JSON", e);
        }
    }

    /** What identifies the row. */
    List<String> fields() {
        return List.of(
                drawing.key(),
                drawing.subject(),
                drawing.provider(),
                drawing.style(),
                drawing.artist(),
                drawing.title(),
                drawing.licence(),
                drawing.source(),
                Hashes.sha256Hex(png));
    }
}
