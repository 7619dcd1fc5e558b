package org.diffusionsoup.registry.store;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.soup.SumStep;
import org.diffusionsoup.registry.store.Manifest.StoredFile;

/** Takes soups a step on from their kept sums: a {@link OnePass} over each state dict. */
record OnePassAdjuster(Manifests manifests, Objects objects, KeptSums sums) {
    /**
     * Stores another soup and its sum. The new objects get their names once all are made, then the
     * soup its manifest, then the sum its place.
     *
     * @param from id of the old soup
     * @param sumHashes what its sum has to be, checked while it is read
     * @param stored by the outlines' files, what they are in the store
     * @param work a folder that is not there yet
     * @param written told of elements
     * @throws SumStep.NotInOnePass if the soup's files are not those that the step makes
     */
    Adjusted adjust(
            String from,
            Map<String, String> sumHashes,
            SumStep step,
            Map<Path, StoredFile> stored,
            Path work,
            int threads,
            LongConsumer written) {
        Path newSum = Inside.make(work);
        Manifest old = manifests.read(from);
        Map<String, StoredFile> made = new HashMap<>();
        TreeMap<String, String> hashes = new TreeMap<>();
        try (Objects.Batch batch = objects.batch()) {
            OnePass pass = new OnePass(objects, batch, threads, written);
            for (SumStep.Part part : step.parts()) {
                StoredFile before = stored(stored, part.soupFile());
                List<StoredFile> changes = new ArrayList<>();
                part.changeFiles().forEach(f -> changes.add(stored(stored, f)));
                String name = String.valueOf(part.sumFile().getFileName());
                OnePass.Made m = pass.run(part, before, changes, newSum.resolve(name));
                if (!m.oldSumHash().equals(sumHashes.get(name))) {
                    throw new StoreException(part.sumFile() + " was altered.");
                }
                hashes.put(name, m.sumHash());
                made.put(before.path(), m.file());
            }
            step.writeRest(newSum);
            batch.commit();
        } catch (IOException e) {
            throw new SoupIoException("adjust", newSum, e);
        }
        List<StoredFile> files =
                old.files().stream().map(f -> made.getOrDefault(f.path(), f)).toList();
        Manifest soup = new Manifest(old.folder(), files);
        manifests.write(soup);
        KeptSums.addHashes(hashes, newSum);
        return new Adjusted(soup.id(), sums.keep(newSum, soup.id(), hashes));
    }

    private static StoredFile stored(Map<Path, StoredFile> stored, Path file) {
        StoredFile f = stored.get(file.toAbsolutePath().normalize());
        if (f == null) {
            throw new SumStep.NotInOnePass(file + " is not one of the store's files.");
        }
        return f;
    }
}
